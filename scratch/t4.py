exec(open('/tmp/scratch/t3.py').read().split("j=J(")[0])
for a in [("atlas","5.1.1","5.6.0"),("capec","3.8","3.9"),("attack-enterprise","15.1","16.0"),("attack-enterprise","17.1","18.1")]:
    j=J(*a); s=[o for o in j.outcomes.values() if 'silent' in o.also]; print(a,len(s),Counter(o.outcome for o in s)); 
    for o in s[:12]: print('   ',o.id,o.outcome,o.reason[:150])
for a in [("capec","3.5","3.9"),("attack-enterprise","15.1","18.1")]:
    j=J(*a)
    print(a, Counter(o.outcome for o in j.outcomes.values() if o.type=='attack-pattern' and j.old.by_id[o.stix_id].is_live))
    c=Counter()
    for o in j.outcomes.values():
        if o.type=='attack-pattern' and o.outcome=='edited' and 'stale' not in o.also: c[tuple(e.id for e in o.evidence if e.kind=='property')]+=1
    print(c.most_common(12))
import json
from ctibutler.catalog import objects
with db.read() as c:
    v=Counter()
    for s_id,e in j.old.by_id.items():
        p=j.paths[s_id]
        if e.type=='attack-pattern' and e.is_live and p.heir:
            a,b=[json.loads(x) for x in objects.contents(c,[e.object_key,p.heir.object_key])]
            v[(a.get('x_mitre_remote_support','-'),b.get('x_mitre_remote_support','-'))]+=1
    print(v)

import sys
exec(open('/tmp/scratch/t2.py').read().split("T=[")[0])
from collections import Counter
from ctibutler.comparing import judging
def J(kb,a,b):
    with db.read() as c: return judge(c,HOSTED.named(kb),releases.find(c,kb,a),releases.find(c,kb,b))
j=J("attack-enterprise","15.1","18.1")
print(j.wide.model); print(j.wide.removed, j.wide.added)
c=Counter()
for o in j.outcomes.values():
    if o.type=='attack-pattern' and o.outcome=='edited' and 'stale' not in o.also: c[tuple(e.id for e in o.evidence if e.kind=='property')]+=1
print(c.most_common())
j=J("capec","3.5","3.9")
print(j.wide.model); print(j.wide.removed, j.wide.added)
c=Counter()
for o in j.outcomes.values():
    if o.type=='attack-pattern' and o.outcome=='edited' and 'stale' not in o.also: c[tuple(e.id for e in o.evidence if e.kind=='property')]+=1
print(c.most_common())
for a in [("attack-enterprise","15.1","16.0"),("capec","3.8","3.9"),("atlas","5.1.1","5.6.0"),("attack-ics","17.1","18.1")]:
    j=J(*a); s=[o for o in j.outcomes.values() if 'silent' in o.also]; print(a,len(s),Counter(o.outcome for o in s)); 
    for o in s[:30]: print('   ',o.id,o.outcome,o.reason[:150])

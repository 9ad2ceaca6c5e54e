import time,sys
from collections import Counter
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from ctibutler.catalog import releases
from ctibutler.comparing.judging import judge
db=open_catalogue('sqlite:////tmp/heirs-db/all.sqlite', HOSTED)
T=[("attack-enterprise","15.1","18.1"),("attack-enterprise","16.1","17.0"),("attack-enterprise","17.1","18.1"),("attack-mobile","14.1","18.1"),("attack-mobile","14.1","17.1"),("attack-ics","8.0","18.1"),("attack-ics","17.0","17.1"),("capec","3.5","3.9"),("atlas","4.7.0","5.6.0"),("disarm","1.4","1.6"),("d3fend","1.1.0","1.2.0"),("mitre-f3","1.0","1.1")]
for kb,a,b in T:
    k=HOSTED.named(kb)
    with db.read() as c:
        t=time.time()
        j=judge(c,k,releases.find(c,kb,a),releases.find(c,kb,b))
        dt=time.time()-t
    ent=j.old.by_id
    tech=[o for o in j.outcomes.values() if o.type=='attack-pattern' and ent[o.stix_id].is_live and ent[o.stix_id].external_id]
    live=[o for o in j.outcomes.values() if ent[o.stix_id].is_live and ent[o.stix_id].external_id]
    # one per id
    from ctibutler.catalog.namesakes import preferred
    ids={}
    for e in ent.values():
        if e.found_by: ids.setdefault(e.found_by,[]).append(e)
    chosen=[preferred(k,f,es) for f,es in ids.items()]
    cl=[j.outcomes[e.stix_id] for e in chosen if e.is_live]; call=[j.outcomes[e.stix_id] for e in chosen]
    print(kb,a,b,round(dt,3))
    print('  tech',len(tech),Counter(o.outcome for o in tech).most_common(), 'H',sum(o.handling=='human' for o in tech),'look',sum(o.handling=='look' for o in tech))
    print('  live',len(cl),'H',sum(o.handling=='human' for o in cl),Counter(o.outcome for o in cl).most_common(),' all',len(call),'H',sum(o.handling=='human' for o in call))
    st=[o for o in j.outcomes.values() if o.type=='attack-pattern' and not ent[o.stix_id].is_live]
    print('  stale tech',len(st),Counter(o.outcome for o in st).most_common())
    print('  silent',sum('silent' in o.also for o in j.outcomes.values()), Counter(o.outcome for o in j.outcomes.values() if 'silent' in o.also))

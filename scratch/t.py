import time
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from ctibutler.catalog import releases, entries, objects
from ctibutler.comparing.differences import read_content
db=open_catalogue('sqlite:////tmp/heirs-db/all.sqlite', HOSTED)
with db.read() as c:
    t=time.time()
    rel={r.label:r for r in releases.installed(c,'attack-enterprise')}
    a,b=rel['15.1'],rel['18.1']
    for i in range(2):
        t=time.time(); ea=entries.of_release(c,a.key); print('entries a',len(ea),time.time()-t)
        t=time.time(); eb=entries.of_release(c,b.key); print('entries b',len(eb),time.time()-t)
        t=time.time(); s=entries.successions(c,[r.key for r in rel.values()],['revoked-by']); print('succ',len(s),time.time()-t)
        t=time.time(); s=entries.successions(c,[a.key,b.key],['subtechnique-of']); print('par',len(s),time.time()-t)
        ids={e.stix_id for e in ea}
        ka=[e.object_key for e in ea]; kb=[e.object_key for e in eb if e.stix_id in ids]
        keys=sorted(set(ka+kb))
        t=time.time(); cs=objects.contents(c,keys); print('contents',len(keys),sum(map(len,cs)),time.time()-t)
        t=time.time(); d=[read_content(x) for x in cs]; print('decode',time.time()-t)

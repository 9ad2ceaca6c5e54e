exec(open('/tmp/scratch/t3.py').read().split("j=J(")[0])
import re, ctibutler.comparing.words as W, unicodedata
import ctibutler.comparing.classes as C
def run(tag):
  for a in [("capec","3.5","3.9"),("attack-enterprise","15.1","18.1"),("attack-enterprise","16.1","17.0")]:
    j=J(*a)
    print(tag,a, Counter(o.outcome for o in j.outcomes.values() if o.type=='attack-pattern' and j.old.by_id[o.stix_id].is_live))
from ctibutler.stix.markup import plain_text
run('base')
for tag,rx,rep in [('any ""',re.compile(r"<[^<>]*>"),""),('any " "',re.compile(r"<[^<>]*>")," "),('mine ""',W._TAG,"")]:
    W.normal=lambda t:unicodedata.normalize("NFKC", plain_text(rx.sub(rep, t)))
    run(tag)
LINK=re.compile(r"\[([^\]]*)\]\([^)]*\)"); CIT=re.compile(r"\(Citation:[^)]*\)")
for rep in ("", " "):
    W.normal=lambda t:unicodedata.normalize("NFKC", re.sub(r"<[^>]+>",rep,LINK.sub(r"\1",CIT.sub("",t))))
    run('naive'+repr(rep))

exec(open('/tmp/scratch/t3.py').read().split("j=J(")[0])
def show(kb,a,b,*ids):
    j=J(kb,a,b)
    from ctibutler.catalog.namesakes import preferred
    for i in ids:
        e=preferred(HOSTED.named(kb),i,j.old.numbered(i.lower())); o=j.outcomes[e.stix_id]
        print(kb,a,b,o.id,o.outcome,o.also,o.handling,o.new_id,o.similarity,'|',o.reason,'|',[(x.kind,x.id[:60],x.version) for x in o.evidence if x.kind in('revoked-by','flow','name')])
show("attack-enterprise","15.1","18.1","T1086","T1150","T1064","T1574.002")
show("attack-mobile","14.1","17.1","T1419","T1454")
show("atlas","4.7.0","5.6.0","AML.T0018.001"); show("disarm","1.5","1.6","T0104.002"); show("mitre-f3","1.0","1.1","TA0005","F1005")

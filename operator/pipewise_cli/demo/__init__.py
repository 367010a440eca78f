"""`pipewise demo`: the whole system on this machine, and a proof of each thing it promises.

`command` begins and ends it; `stage` holds everything that runs; `steps/` are the proofs, in order.
"""

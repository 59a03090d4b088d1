# what both daemons share: listener, peer identity, router, request, reply, limits, metrics

# what deploy/ holds
EXTRA_DIST += deploy/build deploy/local deploy/packages deploy/lib/cluster.py deploy/lib/installation.py deploy/lib/local.py \
    deploy/lib/ports.py deploy/lib/process.py

# what deploy/ holds
EXTRA_DIST += deploy/build deploy/demo deploy/local deploy/packages \
    deploy/lib/agencies.py deploy/lib/census.py deploy/lib/cluster.py deploy/lib/demo.py deploy/lib/demo_lanes.py \
    deploy/lib/engines.py deploy/lib/installation.py deploy/lib/lane.py deploy/lib/local.py deploy/lib/picture.py deploy/lib/ports.py \
    deploy/lib/process.py deploy/lib/traffic.py deploy/lib/trouble.py
EXTRA_DIST += deploy/systemd/lane.conf.example deploy/systemd/platesieve-lane@.service

# what deploy/ holds
EXTRA_DIST += deploy/build deploy/demo deploy/local deploy/packages \
    deploy/lib/agencies.py deploy/lib/census.py deploy/lib/cluster.py deploy/lib/demo.py deploy/lib/demo_lanes.py \
    deploy/lib/engines.py deploy/lib/installation.py deploy/lib/lane.py deploy/lib/local.py deploy/lib/picture.py deploy/lib/ports.py \
    deploy/lib/process.py deploy/lib/traffic.py deploy/lib/trouble.py

# A lane under systemd: its unit, in which the command's path is that of this installation, and an example of its settings.
dist_doc_DATA += deploy/systemd/lane.conf.example
lane_unit = deploy/systemd/platesieve-lane@.service
EXTRA_DIST += $(lane_unit).in
if SYSTEMD_UNITS
systemdsystemunit_DATA = $(lane_unit)
endif
CLEANFILES += $(lane_unit) $(lane_unit).new

$(lane_unit): $(lane_unit).in Makefile
	$(AM_V_GEN)$(MKDIR_P) deploy/systemd && sed -e 's|[@]bindir[@]|$(bindir)|' $(srcdir)/$(lane_unit).in > $@.new && mv $@.new $@

# what schema/ holds: numbered migrations, compiled into platesieved; roles, for a superuser; the interface
SCHEMA_SQL = \
	schema/0001_lists.sql \
	schema/0002_hits.sql \
	schema/0003_epoch_end.sql \
	schema/0004_days.sql \
	schema/0005_verdicts.sql \
	schema/0006_headers.sql \
	schema/0007_evidence.sql \
	schema/0008_fence.sql \
	schema/0009_suppressions.sql \
	schema/0010_seals.sql \
	schema/0011_report.sql \
	schema/0012_sharing.sql \
	schema/0013_token_edits.sql \
	schema/0014_inference.sql \
	schema/0015_list_rules.sql \
	schema/0016_webhooks.sql \
	schema/0017_request_seals.sql \
	schema/0018_lane_word.sql \
	schema/0019_lanes.sql \
	schema/0020_calibration.sql \
	schema/0021_strongest.sql \
	schema/0022_lane_certificates.sql \
	schema/0023_stored_now.sql
dist_pkgdata_DATA += $(SCHEMA_SQL) schema/roles.sql
EXTRA_DIST += schema/embed.awk schema/README.md

schema/migrations.c: $(SCHEMA_SQL) schema/embed.awk
	$(AM_V_GEN)$(MKDIR_P) schema && (cd $(srcdir) && LC_ALL=C $(AWK) -f schema/embed.awk $(SCHEMA_SQL)) > $@.new && mv $@.new $@
CLEANFILES += schema/migrations.c schema/migrations.c.new

# what tests/ holds
# all files of tests/http: tests/http/test_scripts.py sees to it
EXTRA_DIST += tests/run tests/with-database \
    tests/http/browser.mjs tests/http/chromium.py tests/http/clocks.py tests/http/conftest.py tests/http/contract.py tests/http/enrol.py tests/http/fake.py \
    tests/http/ground.py tests/http/house.py tests/http/installed_tree.py tests/http/meddler.py tests/http/memory.py tests/http/plates.py tests/http/proxy.py tests/http/readings.py \
    tests/http/receiver.py tests/http/registration.py tests/http/relay.py tests/http/ristretto.py tests/http/screen.py \
    tests/http/sealing.py tests/http/second_gate.py tests/http/sodium.py tests/http/softhsm.py tests/http/sse.py tests/http/test_ca.py \
    tests/http/test_caps.py tests/http/test_checks.py tests/http/test_client.py tests/http/test_coverage.py tests/http/test_delta.py \
    tests/http/test_demo.py tests/http/test_display.py tests/http/test_documents.py tests/http/test_engines.py tests/http/test_engines_documented.py \
    tests/http/test_engines_http.py tests/http/test_enrol.py tests/http/test_evaluate.py tests/http/test_evidence.py \
    tests/http/test_failover.py tests/http/test_faults.py tests/http/test_fence.py tests/http/test_first_day.py \
    tests/http/test_follow.py tests/http/test_forged.py tests/http/test_hits.py tests/http/test_imports.py tests/http/test_install.py \
    tests/http/test_javascript.py tests/http/test_key_source.py tests/http/test_keyd.py tests/http/test_lane.py \
    tests/http/test_lane_alerts.py tests/http/test_lane_hardship.py tests/http/test_lane_service.py tests/http/test_lane_vehicles.py tests/http/test_lane_word.py \
    tests/http/test_lanes.py tests/http/test_lists.py tests/http/test_lists_api.py tests/http/test_local.py \
    tests/http/test_migration.py tests/http/test_ninth_engine.py tests/http/test_openapi.py tests/http/test_pictures.py \
    tests/http/test_quota.py tests/http/test_recall.py tests/http/test_registry.py tests/http/test_registry_client.py \
    tests/http/test_registry_file.py tests/http/test_renewal.py tests/http/test_residue.py tests/http/test_retention.py \
    tests/http/test_rights.py tests/http/test_rotation.py tests/http/test_rules.py tests/http/test_schema.py \
    tests/http/test_scripts.py tests/http/test_shares.py tests/http/test_sharing.py tests/http/test_strangers.py \
    tests/http/test_stream.py tests/http/test_stream_faults.py tests/http/test_suite_hmac.py tests/http/test_suite_voprf.py \
    tests/http/test_suppressions.py tests/http/test_theft.py tests/http/test_tls.py tests/http/test_token.py \
    tests/http/test_verdicts.py tests/http/test_watch.py tests/http/test_webhooks.py tests/http/test_wire.py tests/http/thief.py \
    tests/http/wire.py

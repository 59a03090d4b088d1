# what tests/ holds
EXTRA_DIST += tests/run tests/with-database \
    tests/http/conftest.py tests/http/enrol.py tests/http/fake.py tests/http/house.py tests/http/plates.py tests/http/ristretto.py \
    tests/http/test_ca.py tests/http/test_caps.py tests/http/test_checks.py tests/http/test_client.py tests/http/test_demo.py tests/http/test_engines.py tests/http/test_enrol.py tests/http/readings.py tests/http/test_engines_http.py tests/http/test_ninth_engine.py \
    tests/http/test_evaluate.py tests/http/test_failover.py tests/http/installed_tree.py tests/http/test_faults.py tests/http/test_hits.py tests/http/test_imports.py tests/http/test_install.py tests/http/test_keyd.py tests/http/test_lane.py \
    tests/http/test_lists.py tests/http/test_lists_api.py tests/http/test_local.py tests/http/test_recall.py tests/http/test_renewal.py \
    tests/http/test_residue.py tests/http/test_schema.py tests/http/test_scripts.py tests/http/test_strangers.py tests/http/test_tls.py tests/http/test_token.py \
    tests/http/test_wire.py tests/http/wire.py

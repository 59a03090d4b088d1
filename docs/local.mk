dist_doc_DATA += \
	docs/agencies.md \
	docs/alerts.md \
	docs/benchmarks.md \
	docs/embedding.md \
	docs/first-day.md \
	docs/key-lost.md \
	docs/operations.md \
	docs/protocol.md \
	docs/reader-integration.md \
	docs/threat-model.md \
	schema/openapi.yaml

EXTRA_DIST += \
	tests/http/contract.py \
	tests/http/test_documents.py \
	tests/http/test_first_day.py \
	tests/http/test_openapi.py

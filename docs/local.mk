dist_doc_DATA += \
	docs/protocol.md \
	docs/reader-integration.md \
	docs/threat-model.md \
	schema/openapi.yaml

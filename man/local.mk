# what man/ holds

dist_man_MANS += \
	man/platesieve.1 \
	man/platesieve-ca.1 \
	man/platesieve-client.3 \
	man/platesieve-enrol.1 \
	man/platesieve-hits.1 \
	man/platesieve-keys.1 \
	man/platesieve-lane.1 \
	man/platesieve-list.1 \
	man/platesieve-registry.1 \
	man/platesieve-report.1 \
	man/platesieve-status.1 \
	man/platesieve-token.1 \
	man/platesieve-keyd.8 \
	man/platesieve-lane.conf.5 \
	man/platesieved.8 \
	man/platesieved.conf.5

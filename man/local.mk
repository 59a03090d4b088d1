# what man/ holds

dist_man_MANS += \
	man/platesieve-token.1 \
	man/platesieved.8 \
	man/platesieved.conf.5

# what man/ holds

dist_man_MANS += \
	man/platesieved.8 \
	man/platesieved.conf.5

pkginclude_HEADERS = \
	include/platesieve/client.h \
	include/platesieve/platesieve.h \
	include/platesieve/voprf.h \
	include/platesieve/limits.h
EXTRA_DIST += include/banned.h include/cleanup.h include/monotonic.h

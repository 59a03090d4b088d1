# what tests/ holds
EXTRA_DIST += tests/run tests/http/conftest.py tests/http/house.py tests/http/plates.py tests/http/test_install.py tests/http/test_token.py

# what tests/fuzz/ holds

# what tests/bench/ holds

# what tests/ holds

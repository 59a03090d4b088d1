# what tests/unit/ holds

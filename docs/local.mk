# what docs/ holds

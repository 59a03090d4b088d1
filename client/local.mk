# what client/ holds

# what deploy/ holds

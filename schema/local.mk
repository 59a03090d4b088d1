# what schema/ holds

# what man/ holds

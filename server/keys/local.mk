# what server/keys/ holds

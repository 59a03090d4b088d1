# what server/gate/ holds

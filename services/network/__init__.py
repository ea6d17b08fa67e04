"""Where the Slime works and with whom: communes, the directory of partners and their sheets."""

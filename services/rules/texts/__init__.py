"""Every sentence that the engine sends or shows for a code: the catalogue, the labels, the mail's layout."""

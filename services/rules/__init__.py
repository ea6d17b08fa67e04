"""The rules of the office: policy, pathway, plan, the one way to act, the ledgers and the texts."""

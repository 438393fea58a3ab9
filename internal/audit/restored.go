package audit

// StoreRestored tells that the store is a copy that was put in place of another: what
// happened between the copy and this event is not in it.
const StoreRestored Name = "store.restored"

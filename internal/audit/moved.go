package audit

// What moving between stores leaves behind.
const (
	// AccountImported tells that the account came from another store.
	AccountImported Name = "account.imported"
	// StoreImported tells that an import ended; Counts says what came of it.
	StoreImported Name = "store.imported"
	// StoreExported tells that accounts were written to a file; Counts says how many.
	StoreExported Name = "store.exported"
)

package store

// Send, for tests that write what no method would.
func (tx *Tx) Send(query string, args ...any) error { return tx.send(query, args...) }

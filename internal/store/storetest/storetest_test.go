package storetest_test

import (
	"testing"

	"portique/internal/store"
	"portique/internal/store/storetest"
)

// Each test gets the current schema and nothing another test has written.
func TestRun(t *testing.T) {
	for range 2 {
		storetest.Run(t, func(t *testing.T, db *store.DB) {
			if err := db.CheckSchema(t.Context()); err != nil {
				t.Errorf("the schema of a test database: %v", err)
			}
		})
	}
}

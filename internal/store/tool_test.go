package store_test

import (
	"testing"
	"time"

	"portique"
	"portique/internal/store"
	"portique/internal/store/storetest"
)

// What is said of a tool in English is kept, and found wherever a page names the tool.
func TestToolEnglish(t *testing.T) {
	storetest.Run(t, func(t *testing.T, db *store.DB) {
		jeanne := storetest.Account(t, db, "jeanne@x.example")
		paie := &portique.Tool{ID: "paie", Name: "Paie", NameEN: "Payslips", Description: "Ses bulletins.", DescriptionEN: "One’s payslips."}
		is := func(what string, got portique.Tool, want string) {
			t.Helper()
			if got.Name != "Paie" || got.NameEN != want {
				t.Errorf("%s: %q, %q", what, got.Name, got.NameEN)
			}
		}
		read := func(want string) {
			t.Helper()
			storetest.Write(t, db, func(tx *store.Tx) error {
				one, err := tx.Tool("paie")
				if err != nil {
					return err
				}
				is("the tool", *one, want)
				if one.Description != "Ses bulletins." || one.DescriptionEN != paie.DescriptionEN {
					t.Errorf("%q, %q", one.Description, one.DescriptionEN)
				}
				waiting, err := tx.Waiting("a")
				if err != nil {
					return err
				}
				is("an authorization", waiting.Tool, want)
				device, err := tx.DeviceAsked("a")
				if err != nil {
					return err
				}
				is("a device", device.Tool, want)
				given, err := tx.Consents(jeanne.ID)
				if err != nil || len(given) != 1 {
					t.Errorf("%d consents, %v", len(given), err)
					return err
				}
				is("a consent", given[0].Tool, want)
				return nil
			})
		}
		storetest.Write(t, db, func(tx *store.Tx) error {
			if err := tx.InsertTool(paie); err != nil {
				return err
			}
			d := &store.Device{Hash: []byte("d"), UserHash: []byte("u"), ClientID: "paie", CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Minute)}
			if _, err := tx.InsertDevice(d); err != nil {
				return err
			}
			if err := tx.SaveAuthorization(&store.Authorization{ID: "a", ClientID: "paie", BrowserHash: []byte("b"), Device: d.Hash, CreatedAt: tx.Now(), ExpiresAt: d.ExpiresAt}); err != nil {
				return err
			}
			return tx.SaveConsent(jeanne.ID, "paie", []string{"name"})
		})
		read("Payslips")
		paie.NameEN, paie.DescriptionEN = "", ""
		storetest.Write(t, db, func(tx *store.Tx) error { return tx.UpdateTool(paie) })
		read("")
	})
}

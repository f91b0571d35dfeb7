package mail

import (
	"time"

	"portique"
)

// sample has a made-up value for every key of the table of kinds.
var sample = map[string]string{
	"company":        "Boulangerie Martin & Fils",
	"siren":          "552100554",
	"person":         "Chloé Durand",
	"person_email":   "chloe.durand@martin.example",
	"by":             "Claire Martin",
	"by_email":       "claire.martin@martin.example",
	"role":           "member",
	"decision":       "accepted",
	"reason":         "Vous ne travaillez plus ici depuis septembre.",
	"tools":          "Demandes de formation, Contrats d’apprentissage",
	"more_tools":     "2",
	"administrators": "3",
	"contributions":  "yes",
	"same_role":      "yes",
	"no_until":       "yes",
	"until":          "2026-12-31T22:59:59Z",
	"asked_at":       "2026-11-01T08:00:00Z",
	"remind_at":      "2026-12-03T13:05:00Z",
	"escalate_at":    "2026-12-14T13:05:00Z",
	"expires_at":     "2027-01-02T13:05:00Z",
	"again_at":       "2026-12-01T13:05:00Z",
	"link":           "https://auth.opco.example/validate?token=YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo0NTY3ODkw",
	"code":           "048213",
	"disown_code":    "715306",
	"watched_until":  "2026-12-03T13:05:00Z",
	"at":             "2026-11-30T13:04:00Z",
	"device":         "Firefox, Windows",
	"address":        "192.0.2.7",
	"why":            "contested",
	"what":           "member_code",
}

// sampleEnglish is what people wrote of it, in English.
var sampleEnglish = map[string]string{
	"reason": "You have not worked here since September.",
	"tools":  "Training requests, Apprenticeship contracts",
}

const sampleName = "Jeanne Petit"

// Sample makes a letter of a kind with made-up people, for the gallery and for
// tests: with all it may say, or in short with what it must.
func Sample(kind portique.LetterKind, lang string, full bool) *portique.Letter {
	l := &portique.Letter{
		ID: "0197", MessageID: "<0197@opco.example>", To: "jeanne.petit@martin.example", Name: sampleName,
		Language: lang, Kind: kind, Data: map[string]string{}, Secret: map[string]string{},
		CreatedAt: time.Date(2026, 11, 30, 13, 5, 0, 0, time.UTC),
	}
	for _, key := range Kinds[kind].Data {
		l.Data[key] = sample[key]
	}
	for _, key := range Kinds[kind].Secret {
		l.Secret[key] = sample[key]
	}
	if full {
		for _, key := range Kinds[kind].MaySeal {
			l.Secret[key] = sample[key]
		}
	}
	for _, key := range Kinds[kind].Optional {
		if full {
			l.Data[key] = sample[key]
		}
	}
	for key, text := range sampleEnglish {
		if lang == "en" && l.Data[key] != "" {
			l.Data[key] = text
		}
	}
	return l
}

// Package e2e walks through the built program as people do: with a browser, a mailbox, a member file and a tool of one's own.
//
// It is a black box. Nothing of internal/ is imported, so the journeys keep their worth when the inside is rewritten; what they
// rely on is the public contract: commands, variables, addresses, field names and data-page values. A journey reads as a script:
//
//	app := e2e.Start(t, engine)                     // portique serve on free ports, with its own database and mailbox
//	company := app.Import(t, 1)[0]                  // a member file
//	marie := app.Browser(t)                         // a browser with its own cookies
//	marie.Open(app.Portal)
//	marie.Follow("Créer un compte")
//	marie.Submit("/register", e2e.Fields{"email": {"marie@boutique.example"}, …})
//	letter := app.Mail.Wait(t, "marie@boutique.example", "Validation")
//
// Browser speaks HTTP and follows the rules a browser follows, without one; Chrome drives Chromium. Tool is a relying party
// written with a library of other people.
package e2e

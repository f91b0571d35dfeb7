package store

import "portique"

const toolColumns = `id, name, name_en, description, description_en, url, redirect_uris, post_logout_uris, audience, auth_method, secret_hash, pkce_optional, algorithm,
	backchannel_logout_uri, jwks, jwks_uri, min_acr, consent, pairwise, userinfo_signed, claims, device, created_at, disabled_at`

func scanTool(r row) (*portique.Tool, error) {
	var t portique.Tool
	err := r.Scan(&t.ID, &t.Name, &t.NameEN, &t.Description, &t.DescriptionEN, &t.URL, texts{&t.RedirectURIs}, texts{&t.PostLogoutURIs}, &t.Audience, &t.AuthMethod,
		&t.SecretHash, &t.PKCEOptional, &t.Algorithm, &t.BackchannelLogoutURI, &t.JWKS, &t.JWKSURI, &t.MinACR, &t.Consent, &t.Pairwise,
		&t.UserinfoSigned, texts{&t.Claims}, &t.Device, at{&t.CreatedAt}, at{&t.DisabledAt})
	return &t, err
}

// ErrToolUnknown: no tool has that id.
var ErrToolUnknown = &portique.Error{Kind: portique.NotFound, Key: "tool.unknown"}

// InsertTool adds a tool, or returns ErrToolExists.
func (tx *Tx) InsertTool(t *portique.Tool) error {
	secret := t.SecretHash
	if secret == nil {
		secret = []byte{}
	}
	n, err := tx.exec(`INSERT INTO tool (`+toolColumns+`) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24)
		ON CONFLICT (id) DO NOTHING`,
		t.ID, t.Name, t.NameEN, t.Description, t.DescriptionEN, t.URL, list(t.RedirectURIs), list(t.PostLogoutURIs), t.Audience, t.AuthMethod, secret,
		t.PKCEOptional, t.Algorithm, t.BackchannelLogoutURI, t.JWKS, t.JWKSURI, t.MinACR, t.Consent, t.Pairwise, t.UserinfoSigned, list(t.Claims),
		t.Device, ms(t.CreatedAt), ms(t.DisabledAt))
	if err == nil && n == 0 {
		return portique.ErrToolExists
	}
	return err
}

// UpdateTool saves all of a tool but its id and when it was made.
func (tx *Tx) UpdateTool(t *portique.Tool) error {
	secret := t.SecretHash
	if secret == nil {
		secret = []byte{}
	}
	return tx.send(`UPDATE tool SET name=$2, name_en=$3, description=$4, description_en=$5, url=$6, redirect_uris=$7, post_logout_uris=$8, audience=$9,
		auth_method=$10, secret_hash=$11, pkce_optional=$12, algorithm=$13, backchannel_logout_uri=$14, jwks=$15, jwks_uri=$16, min_acr=$17, consent=$18,
		pairwise=$19, userinfo_signed=$20, claims=$21, device=$22, disabled_at=$23 WHERE id=$1`,
		t.ID, t.Name, t.NameEN, t.Description, t.DescriptionEN, t.URL, list(t.RedirectURIs), list(t.PostLogoutURIs), t.Audience, t.AuthMethod, secret,
		t.PKCEOptional, t.Algorithm, t.BackchannelLogoutURI, t.JWKS, t.JWKSURI, t.MinACR, t.Consent, t.Pairwise, t.UserinfoSigned,
		list(t.Claims), t.Device, ms(t.DisabledAt))
}

// LockTool is Tool, held until the transaction ends.
func (tx *Tx) LockTool(id string) (*portique.Tool, error) {
	return one(tx, ErrToolUnknown, scanTool, tx.dialect.forNoKeyUpdate(`SELECT `+toolColumns+` FROM tool WHERE id = $1`), id)
}

// SaveToolKeys saves the keys fetched from a tool's jwks_uri, unless that
// address has changed meanwhile.
func (tx *Tx) SaveToolKeys(id, uri, jwks string) error {
	return tx.send(`UPDATE tool SET jwks=$3 WHERE id=$1 AND jwks_uri=$2`, id, uri, jwks)
}

// Tool returns a tool, or ErrToolUnknown.
func (tx *Tx) Tool(id string) (*portique.Tool, error) {
	return one(tx, ErrToolUnknown, scanTool, `SELECT `+toolColumns+` FROM tool WHERE id = $1`, id)
}

// Tools lists the tools that are not disabled, by name.
func (tx *Tx) Tools() ([]*portique.Tool, error) {
	return all(tx, scanTool, `SELECT `+toolColumns+` FROM tool WHERE disabled_at = 0 ORDER BY name, id`)
}

// ToolAlgorithms lists by which algorithms the tools are told things, each once.
func (tx *Tx) ToolAlgorithms() ([]string, error) {
	return all(tx, func(r row) (algorithm string, err error) { return algorithm, r.Scan(&algorithm) },
		`SELECT DISTINCT algorithm FROM tool WHERE disabled_at = 0`)
}

// EveryTool lists the tools, disabled ones too, by name.
func (tx *Tx) EveryTool() ([]*portique.Tool, error) {
	return all(tx, scanTool, `SELECT `+toolColumns+` FROM tool ORDER BY name, id`)
}

// ToolRights lists the tools that are not disabled by what decides who opens
// them, id and audience, and nothing else; in no order.
func (tx *Tx) ToolRights() ([]*portique.Tool, error) {
	return all(tx, func(r row) (*portique.Tool, error) {
		var t portique.Tool
		return &t, r.Scan(&t.ID, &t.Audience)
	}, `SELECT id, audience FROM tool WHERE disabled_at = 0`)
}

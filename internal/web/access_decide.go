package web

func (v *visit) accept() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	terms, err := v.terms()
	if err == nil {
		r, acceptErr := v.h.Access.Accept(v.r.Context(), v.actor(), siren, v.r.PathValue("id"), terms)
		if acceptErr == nil {
			v.tell("portal.flash.accepted", "Name", r.Name())
			return v.redirect("/companies/" + string(siren) + "/users")
		}
		err = acceptErr
	}
	return v.decisionRefused(siren, err, "role", "tool", "until")
}

func (v *visit) refuse() error {
	siren, err := v.siren()
	if err != nil {
		return err
	}
	r, err := v.h.Access.Refuse(v.r.Context(), v.actor(), siren, v.r.PathValue("id"), v.form("reason"))
	if err != nil {
		return v.decisionRefused(siren, err, "reason")
	}
	v.tell("portal.flash.refused", "Name", r.Name())
	return v.redirect("/companies/" + string(siren) + "/users")
}

"""What other services' requests have masked: all of what they name, or a refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.assemblyai.parameters import PII_POLICIES, parse_transcript
from app.api.deepgram.parameters import parse_listen
from app.errors import InvalidRequestError

ENTITIES = {
    "ssn": "national-id",
    "credit_card": "card",
    "phone_number": "phone",
    "email_address": "email",
}
values = st.lists(
    st.one_of(
        st.sampled_from([*ENTITIES, *PII_POLICIES, "pci", "pii", "numbers", "person_name"]),
        st.text(max_size=8),
    ),
    max_size=4,
)


@given(values)
def test_deepgram_masks_every_value_or_refuses_the_request(given_values: list[str]) -> None:
    meant = [value.strip().lower() for value in given_values if value.strip()]
    meant = [value for value in meant if value not in {"false", "0", "no", "off"}]
    query = [("redact", value) for value in given_values]
    if not set(meant) <= set(ENTITIES):
        with pytest.raises(InvalidRequestError) as refused:
            parse_listen(query)
        assert refused.value.param == "redact"
        return
    options = parse_listen(query)
    assert set(options.redact) == {ENTITIES[value] for value in meant}
    assert options.transcribe_options().get("redact", "") == ", ".join(options.redact)


@given(values, st.booleans())
def test_assemblyai_masks_every_policy_or_refuses_the_request(
    policies: list[str], redact: bool
) -> None:
    sent = {"audio_url": "https://x/a", "redact_pii": redact, "redact_pii_policies": policies}
    body = json.dumps(sent).encode()
    if redact and (not policies or not set(policies) <= set(PII_POLICIES)):
        with pytest.raises(InvalidRequestError) as refused:
            parse_transcript(body)
        assert refused.value.param == "redact_pii_policies"
        return
    parameters, _ = parse_transcript(body)
    expected = {PII_POLICIES[policy] for policy in policies} if redact else set()
    assert set(parameters.redact) == expected
    options = parameters.transcribe_options().model_dump(exclude_unset=True)
    assert set(filter(None, options.get("redact", "").split(", "))) == expected

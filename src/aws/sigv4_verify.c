// SPDX-License-Identifier: Apache-2.0
// Verifies a received Signature Version 4: parses the claim in the Authorization header, then runs the same stages as
// in signing over the headers that the claim lists. All input is untrusted.
#include <openssl/crypto.h>

#include "aws/exception.h"
#include "aws/sigv4_state.h"
#include "base/error.h"
#include "base/time_format.h"

enum { SKEW_S = 300 };

// The parts of an Authorization header.
struct claim {
	struct slice access_key_id;
	struct slice day;
	struct slice region;
	struct slice service;
	struct slice signed_headers;
	struct slice signature;
};

static const struct sigv4_refusal REFUSALS[] = {
    [SIGV4_GOOD] = {"", 200, ""},
    [SIGV4_MISSING] = {"MissingAuthenticationTokenException", 403, "Missing Authentication Token"},
    [SIGV4_INCOMPLETE] = {"IncompleteSignatureException", 400,
                          "The request signature does not conform to AWS standards."},
    [SIGV4_UNKNOWN_KEY] = {"UnrecognizedClientException", 403, EXCEPTION_INVALID_TOKEN},
    [SIGV4_BAD_TOKEN] = {"UnrecognizedClientException", 403, EXCEPTION_INVALID_TOKEN},
    [SIGV4_MISMATCH] = {"InvalidSignatureException", 403,
                        "The request signature we calculated does not match the signature you provided. Check your AWS "
                        "Secret Access Key and signing method. Consult the service documentation for details."},
    [SIGV4_EXPIRED] = {"InvalidSignatureException", 403,
                       "Signature expired: the date of the request is more than five minutes off."},
    [SIGV4_PAYLOAD_MISMATCH] = {"InvalidSignatureException", 403,
                                "The value of x-amz-content-sha256 does not match the body of the request."},
    [SIGV4_FAILED] = {"InternalServerException", 500, "The signature could not be checked."},
};

const struct sigv4_refusal *sigv4_verdict_refusal(enum sigv4_verdict verdict) {
	return &REFUSALS[verdict];
}

static bool is_equal_secret(struct slice a, struct slice b) {
	return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

// Removes the part after the last '/', and the '/', from *text. False if there is none or it is empty.
static bool cut_last(struct slice *text, struct slice *part) {
	size_t end = text->len;
	while (end > 0 && text->ptr[end - 1] != '/')
		end--;
	if (end == 0)
		return false;
	*part = slice_of(text->ptr + end, text->len - end);
	text->len = end - 1;
	return part->len > 0;
}

// "KEY/20260304/us-east-1/bedrock/aws4_request"
static bool claim_parse_credential(struct slice text, struct claim *claim) {
	struct slice ending;
	if (!cut_last(&text, &ending) || !cut_last(&text, &claim->service) || !cut_last(&text, &claim->region) ||
	    !cut_last(&text, &claim->day))
		return false;
	claim->access_key_id = text;
	return slice_equal(ending, SLICE("aws4_request")) && claim->day.len == SIGNING_DAY_BYTES && text.len > 0;
}

// "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=...", the three parts in any order, each once.
static bool claim_parse(struct slice text, struct claim *claim) {
	static const struct slice names[] = {{"Credential=", 11}, {"SignedHeaders=", 14}, {"Signature=", 10}};
	const struct slice algorithm = SLICE("AWS4-HMAC-SHA256 ");
	struct slice values[3] = {{0}};
	if (!slice_starts(text, algorithm))
		return false;
	text = slice_from_offset(text, algorithm.len);
	while (text.len) {
		size_t end = slice_find(text, ',');
		struct slice part = slice_trim((struct slice){text.ptr, end});
		text = slice_from_offset(text, end + 1);
		size_t i = 0;
		while (i < 3 && !slice_starts(part, names[i]))
			i++;
		if (i == 3 || values[i].len)
			return false;
		values[i] = slice_from_offset(part, names[i].len);
	}
	claim->signed_headers = values[1];
	claim->signature = values[2];
	return claim_parse_credential(values[0], claim) && values[1].len > 0 && values[2].len == SIGV4_HEX_BYTES - 1;
}

static bool parse_digits(const char *text, int count, int64_t *value) {
	uint64_t number;
	if (!slice_parse_u64(slice_of(text, (size_t)count), 9999, &number))
		return false;
	*value = (int64_t)number;
	return true;
}

// Reads "20260304T050607Z" into seconds since 1970.
static bool parse_date(struct slice text, int64_t *wall_s) {
	struct civil civil;
	if (text.len != SIGV4_DATE_BYTES - 1 || text.ptr[8] != 'T' || text.ptr[15] != 'Z' ||
	    !parse_digits(text.ptr, 4, &civil.year) || !parse_digits(text.ptr + 4, 2, &civil.month) ||
	    !parse_digits(text.ptr + 6, 2, &civil.day) || !parse_digits(text.ptr + 9, 2, &civil.hour) ||
	    !parse_digits(text.ptr + 11, 2, &civil.minute) || !parse_digits(text.ptr + 13, 2, &civil.second) ||
	    !time_civil_is_valid(civil))
		return false;
	*wall_s = time_civil_seconds(civil);
	return true;
}

static bool is_authority(struct slice name) {
	return slice_equal_nocase(name, SLICE(":authority"));
}

// Adds all values of the header that the claim lists as `name`. False if there is none, or if there are too many
// headers.
static bool signed_header_add(struct sigv4_signer *signer, struct headers headers, struct slice name) {
	struct slice received_name = is_authority(name) ? SLICE("host") : name;
	size_t before = signer->header_count;
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, received_name) &&
		    sigv4_add_header(signer, name, headers.list[i].value))
			return false;
	return signer->header_count > before;
}

// Collects the headers that the claim lists as signed. False if one is missing, or if host or date isn't signed.
static bool collect_signed(struct sigv4_signer *signer, struct headers headers, struct slice names) {
	bool host = false, date = false;
	signer->header_count = 0;
	while (names.len) {
		size_t end = slice_find(names, ';');
		struct slice name = {names.ptr, end};
		names = slice_from_offset(names, end + 1);
		if (!signed_header_add(signer, headers, name))
			return false;
		host |= slice_equal_nocase(name, SLICE("host")) || is_authority(name);
		date |= slice_equal_nocase(name, SLICE("x-amz-date"));
	}
	return host && date;
}

static bool is_right_token(struct headers headers, const struct credentials *credentials) {
	const struct slice *sent = headers_find(headers, SLICE("x-amz-security-token"));
	if (!sent || !credentials->session_token)
		return !sent && !credentials->session_token;
	return is_equal_secret(slice_trim(*sent), slice_from(credentials->session_token));
}

static enum sigv4_verdict check_signature(struct sigv4_signer *signer, struct canonical_request *canonical,
                                          const struct claim *claim, struct credentials *credentials,
                                          struct sigv4_scope scope) {
	struct slice computed = {signer->stages.signature, SIGV4_HEX_BYTES - 1};
	int rc = sigv4_run_stages(signer, canonical, credentials, scope);
	if (rc == ERROR_LIMIT || rc == ERROR_MISSING)
		return SIGV4_INCOMPLETE;
	if (rc)
		return SIGV4_FAILED;
	bool same_scope = slice_equal(claim->region, scope.region) && slice_equal(claim->service, scope.service) &&
	                  slice_equal(claim->day, slice_of(signer->stages.date, SIGNING_DAY_BYTES));
	return same_scope && is_equal_secret(claim->signature, computed) ? SIGV4_GOOD : SIGV4_MISMATCH;
}

// Checks everything but the signature: the parts of the claim, the key, the token and the time.
static enum sigv4_verdict check_claim(struct sigv4_signer *signer, const struct sigv4_received *received,
                                      sigv4_lookup lookup, void *owner, struct claim *claim,
                                      struct credentials **credentials) {
	int64_t date_s;
	const struct slice *authorization = headers_find(received->headers, SLICE("authorization"));
	const struct slice *date = headers_find(received->headers, SLICE("x-amz-date"));
	if (!authorization)
		return SIGV4_MISSING;
	if (!claim_parse(slice_trim(*authorization), claim) || !date || !parse_date(slice_trim(*date), &date_s) ||
	    !collect_signed(signer, received->headers, claim->signed_headers))
		return SIGV4_INCOMPLETE;
	*credentials = lookup(owner, claim->access_key_id);
	if (!*credentials || !(*credentials)->secret_access_key)
		return SIGV4_UNKNOWN_KEY;
	if (!is_right_token(received->headers, *credentials))
		return SIGV4_BAD_TOKEN;
	if (date_s > received->wall_s + SKEW_S || date_s < received->wall_s - SKEW_S)
		return SIGV4_EXPIRED;
	memcpy(signer->stages.date, slice_trim(*date).ptr, SIGV4_DATE_BYTES - 1);
	signer->stages.date[SIGV4_DATE_BYTES - 1] = '\0';
	return SIGV4_GOOD;
}

enum sigv4_verdict sigv4_verify(struct sigv4_signer *signer, const struct sigv4_received *received,
                                struct sigv4_scope scope, sigv4_lookup lookup, void *owner) {
	struct claim claim;
	struct credentials *credentials;
	char body_hash[SIGV4_HEX_BYTES];
	sigv4_wipe_stages(signer);
	enum sigv4_verdict verdict = check_claim(signer, received, lookup, owner, &claim, &credentials);
	if (verdict != SIGV4_GOOD)
		return verdict;
	if (sigv4_hash_payload(signer, received->body, body_hash))
		return SIGV4_FAILED;
	const struct slice *hash = headers_find(received->headers, SLICE("x-amz-content-sha256"));
	struct slice payload_hash = hash ? slice_trim(*hash) : slice_from(body_hash);
	struct canonical_request canonical = {received->method, received->path, received->query,
	                                      .payload_hash = payload_hash};
	if (scope.region.len == 0)
		scope.region = claim.region;
	verdict = check_signature(signer, &canonical, &claim, credentials, scope);
	sigv4_wipe_stages(signer);
	if (verdict == SIGV4_GOOD && !slice_equal(payload_hash, slice_from(body_hash)))
		return SIGV4_PAYLOAD_MISMATCH;
	return verdict;
}

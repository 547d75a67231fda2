// SPDX-License-Identifier: Apache-2.0
// The layout of request bodies, for Converse and for the model families of InvokeModel. One pass finds all values: no
// tree, no copy, linear time. A body of unknown layout has no values, which is no error. Of a broken body, the values
// before the break count.
#ifndef AWS_REQUEST_SHAPE_H
#define AWS_REQUEST_SHAPE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "base/json_walk.h"
#include "base/slice.h"

// What is wrong with a body. With a flaw up to FLAW_DUPLICATE services may read it differently than it is read here, so
// that what is read or edited of it may not be what the model gets.
enum request_flaw_kind {
	FLAW_NONE,
	FLAW_CODING, // a content-encoding or charset; never found by a pass: the caller knows the headers
	FLAW_BYTE_ORDER_MARK,
	FLAW_NOT_UTF8,
	FLAW_NO_JSON,
	FLAW_TRAILING_TEXT,
	FLAW_DUPLICATE, // a member that is read or edited is there twice, however its key is escaped
	FLAW_NO_OBJECT,
	FLAW_DEPTH, // nested deeper than JSON_DEPTH_MAX
};

struct request_flaw {
	enum request_flaw_kind kind;
	size_t offset;   // in the body
	const char *key; // of FLAW_DUPLICATE; NULL if it is not known which
};

static inline bool request_flaw_is_ambiguous(const struct request_flaw *flaw) {
	return flaw->kind != FLAW_NONE && flaw->kind <= FLAW_DUPLICATE;
}

// Writes a sentence that says what is wrong and where; for the client, too.
enum { REQUEST_FLAW_BYTES = 128 };
void request_flaw_describe(const struct request_flaw *flaw, char text[REQUEST_FLAW_BYTES]);

// The members that edits set or that lead to one. The token limits follow in the order of request_limits.
enum request_place {
	PLACE_TIER,
	PLACE_GUARDRAIL,
	PLACE_CONFIG,
	PLACE_TEXT_CONFIG, // textGenerationConfig
	PLACE_LIMITS,
	PLACE_MAX_TOKENS = PLACE_LIMITS, // inferenceConfig.maxTokens
	REQUEST_LIMITS = 8,
	REQUEST_PLACES = PLACE_LIMITS + REQUEST_LIMITS,
};

struct request_member {
	enum json_kind kind;
	bool is_empty; // an object without members; of PLACE_CONFIG
	struct slice value;
};

// All slices are borrowed from the body, unchanged.
struct request_shape {
	struct slice metadata; // the object `requestMetadata`; empty if absent
	struct slice tier;     // serviceTier.type, if it is there once in a complete body; otherwise empty
	bool takes_tier;       // the body is a complete object with one serviceTier at most, so that it can be set
	int64_t max_tokens;    // the limit of the response's tokens; -1 if absent or no whole number
	uint64_t input_tokens; // an estimate: a quarter of the bytes of all texts
	// The beginning of the prompt, as JSON; empty if absent.
	struct slice system;
	struct slice tools;
	struct slice tool_config; // Converse's tools
	struct slice first_message;
	struct request_flaw flaw; // the first one that was found
	// The first member that has a guardrail evaluate marked parts only; NULL if there is none.
	const char *partial_key;
	size_t partial_offset;
	// For further work on the body:
	uint64_t tokens;     // the work of another pass: the number of values, ends of containers and escapes
	uint64_t text_bytes; // of all texts, with their escapes
	size_t inside;       // the offset behind the outermost object's bracket
	bool is_empty;       // that object has no members
	uint8_t counts[REQUEST_PLACES];
	struct request_member members[REQUEST_PLACES]; // the first of each; unset if its count is 0
};

void request_shape_read(struct slice body, struct request_shape *shape);

// The same pass, in slices.
struct request_scan {
	struct json_walk walk;
	struct request_shape *shape;
	struct slice body;
	size_t checked;        // the length of the beginning that is known to be UTF-8
	size_t not_utf8;       // the offset of what is not; SIZE_MAX: none was found
	uint32_t met;          // the members that have been there, as bits
	unsigned tier_types;   // the number of members serviceTier.type
	bool *opened;          // set if the object that has just begun turns out to be empty; NULL: none
	struct slice *keeping; // the destination of the value that is being kept; NULL: none
	const char *start;     // of that value
	unsigned depth;        // of the container around it
};

// `body` and `shape` are borrowed until the pass is over.
void request_scan_begin(struct request_scan *scan, struct slice body, struct request_shape *shape);
// Reads on by at most `bytes`. True once the whole body has been read: only then is the shape complete.
bool request_scan_step(struct request_scan *scan, size_t bytes);

// Notes that the body has a member twice that isn't found here, since more of the body is read elsewhere.
void request_shape_note_duplicate(struct request_shape *shape, size_t offset);

// Passes the texts of the body to `on_text`, in their order: strings under the keys "text", "content", "prompt" and
// "inputText".
void request_shape_each_text(struct slice body, json_text_callback on_text, void *owner);

// The tier that the client has asked for: Converse has it in the body, which `shape` describes (NULL if the body
// couldn't be read), InvokeModel in its headers. Empty if there is none or it is ambiguous.
struct slice request_shape_tier(enum operation operation, struct headers headers, const struct request_shape *shape);

// Whether a tier can be set: in a Converse body of that shape, or in InvokeModel's headers.
bool request_shape_takes_tier(enum operation operation, const struct request_shape *shape);

// Appends a Converse body with this prompt; `max_tokens` of 0 sets no limit. Check out->failed.
void request_shape_write(struct slice prompt, uint64_t max_tokens, struct buffer *out);

// The members that edits of a Converse body set.
#define REQUEST_TIER "serviceTier"
#define REQUEST_TIER_TYPE "type"
#define REQUEST_GUARDRAIL "guardrailConfig"
#define REQUEST_CONFIG "inferenceConfig"
#define REQUEST_MAX_TOKENS "maxTokens"

// The headers that InvokeModel has instead.
#define REQUEST_TIER_HEADER "x-amzn-bedrock-service-tier"
#define REQUEST_GUARDRAIL_HEADER "x-amzn-bedrock-guardrailidentifier"
#define REQUEST_GUARDRAIL_VERSION_HEADER "x-amzn-bedrock-guardrailversion"
#define REQUEST_TRACE_HEADER "x-amzn-bedrock-trace"

// The token limits in the bodies of the model families: a member of the outermost object, or of an object in it.
// REQUEST_LIMITS of them, the first is Converse's.
extern const struct json_path *const request_limits;

#endif

// SPDX-License-Identifier: Apache-2.0
// The table. Statuses, unions and names are from the service's API model. The other rows were observed in responses,
// are in the user guide, or are in the AWS SDKs' lists of throttling codes.
#include "aws/exception.h"

enum {
	SUFFIX_BYTES = sizeof "Exception" - 1,
	CONVERSE = 1, // a member of ConverseStream's union
	INVOKE = 2,   // a member of the unions of the two InvokeModel streams
	EVERY = CONVERSE | INVOKE,
};

struct exception_row {
	struct exception exception;
	unsigned unions;
};

#define MODELLED(name, status, type, fault, unions)                                                                    \
	{ {name, status, type, fault, true, (unions) != 0}, unions }
#define SEEN(name, status, type, fault)                                                                                \
	{ {name, status, type, fault, false, false}, 0 }

static const struct exception_row TABLE[] = {
    MODELLED("ThrottlingException", 429, TYPE_THROTTLING, FAULT_THROTTLE, EVERY),
    MODELLED("ServiceUnavailableException", 503, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL, EVERY),
    MODELLED("InternalServerException", 500, TYPE_INTERNAL, FAULT_MODEL, EVERY),
    MODELLED("ModelStreamErrorException", 424, TYPE_INTERNAL, FAULT_MODEL, EVERY),
    MODELLED("ValidationException", 400, TYPE_VALIDATION, FAULT_CALLER, EVERY),
    MODELLED("ModelTimeoutException", 408, TYPE_TIMEOUT, FAULT_MODEL, INVOKE),
    MODELLED("ModelErrorException", 424, TYPE_INTERNAL, FAULT_MODEL, 0),
    MODELLED("ModelNotReadyException", 429, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL, 0),
    MODELLED("ServiceQuotaExceededException", 400, TYPE_THROTTLING, FAULT_THROTTLE, 0),
    MODELLED("AccessDeniedException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR, 0),
    MODELLED("ResourceNotFoundException", 404, TYPE_MODEL_UNAVAILABLE, FAULT_OPERATOR, 0),
    MODELLED("ConflictException", 400, TYPE_VALIDATION, FAULT_CALLER, 0),

    SEEN("TooManyRequestsException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("LimitExceededException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("RequestLimitExceeded", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("RateLimitExceeded", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("ThrottledException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("RequestThrottled", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("ProvisionedThroughputExceededException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("BandwidthLimitExceeded", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("TransactionInProgressException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("PriorRequestNotComplete", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("EC2ThrottledException", 429, TYPE_THROTTLING, FAULT_THROTTLE),
    SEEN("SlowDown", 503, TYPE_THROTTLING, FAULT_THROTTLE),

    SEEN("InternalFailure", 500, TYPE_INTERNAL, FAULT_MODEL),
    SEEN("InternalServerError", 500, TYPE_INTERNAL, FAULT_MODEL),
    SEEN("RequestTimeout", 408, TYPE_TIMEOUT, FAULT_MODEL),

    SEEN("UnrecognizedClientException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("ExpiredTokenException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("InvalidClientTokenId", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("InvalidSignatureException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("SignatureDoesNotMatch", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("IncompleteSignature", 400, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("MissingAuthenticationTokenException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("RequestExpired", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("NotAuthorized", 400, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("OptInRequired", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR),
    SEEN("FTUFormNotFilled", 404, TYPE_AUTHENTICATION, FAULT_OPERATOR),

    SEEN("InvalidAction", 400, TYPE_VALIDATION, FAULT_CALLER),
    SEEN("UnknownOperationException", 404, TYPE_VALIDATION, FAULT_CALLER),
    SEEN("SerializationException", 400, TYPE_VALIDATION, FAULT_CALLER),
    SEEN("RequestEntityTooLargeException", 413, TYPE_VALIDATION, FAULT_CALLER),
};

enum { TABLE_COUNT = sizeof TABLE / sizeof TABLE[0] };

// The meaning of a status without a known name.
static const struct exception
    BY_429 = {"ThrottlingException", 429, TYPE_THROTTLING, FAULT_THROTTLE, true, true},
    BY_408 = {"ModelTimeoutException", 408, TYPE_TIMEOUT, FAULT_MODEL, true, true},
    BY_403 = {"AccessDeniedException", 403, TYPE_AUTHENTICATION, FAULT_OPERATOR, true, false},
    BY_404 = {"ResourceNotFoundException", 404, TYPE_MODEL_UNAVAILABLE, FAULT_OPERATOR, true, false},
    BY_5XX = {"ServiceUnavailableException", 503, TYPE_MODEL_UNAVAILABLE, FAULT_MODEL, true, true},
    BY_4XX = {"ValidationException", 400, TYPE_VALIDATION, FAULT_CALLER, true, true},
    BY_OTHER = {"InternalServerException", 500, TYPE_UNKNOWN, FAULT_MODEL, true, true};

static struct slice name_stem(struct slice name) {
	if (slice_ends(name, SLICE("Exception")))
		name.len -= SUFFIX_BYTES;
	return name;
}

static char to_upper(char c) {
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

const struct exception *exception_find(struct slice name) {
	name = name_stem(name);
	if (name.len == 0)
		return NULL;
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		struct slice row = name_stem(slice_from(TABLE[i].exception.name));
		if (row.len == name.len && row.ptr[0] == to_upper(name.ptr[0]) &&
		    slice_equal(slice_from_offset(row, 1), slice_from_offset(name, 1)))
			return &TABLE[i].exception;
	}
	return NULL;
}

const struct exception *exception_at(size_t index) {
	return index < TABLE_COUNT ? &TABLE[index].exception : NULL;
}

const struct exception *exception_by_status(int status) {
	switch (status) {
	case 429:
		return &BY_429;
	case 408:
		return &BY_408;
	case 401:
	case 403:
		return &BY_403;
	case 404:
		return &BY_404;
	default:
		if (status >= 500 && status <= 599)
			return &BY_5XX;
		return status >= 400 && status <= 499 ? &BY_4XX : &BY_OTHER;
	}
}

bool exception_is_in_union(const struct exception *exception, enum operation operation) {
	const struct exception *known = exception_find(slice_from(exception->name));
	if (!known)
		return false;
	unsigned unions = ((const struct exception_row *)(const void *)known)->unions;
	switch (operation) {
	case OPERATION_CONVERSE_STREAM:
		return (unions & CONVERSE) != 0;
	case OPERATION_INVOKE_MODEL_STREAM:
	case OPERATION_INVOKE_MODEL_BIDIRECTIONAL:
		return (unions & INVOKE) != 0;
	default:
		return false;
	}
}

// SPDX-License-Identifier: Apache-2.0
// Settings row by row: defaults, each way a key can be wrong, flags before the file, the file before the environment.
#include "settings_reading.h"

TEST(defaults_are_the_documented_ones) {
	struct reading reading;
	read_all(&reading, NULL, NULL, NULL);
	const struct settings *settings = &reading.settings;
	CHECK_INT(reading.rc, 0);
	CHECK_INT(settings->listen.count, 1);
	CHECK_STRING(settings->listen.list[0], "127.0.0.1:8080");
	CHECK_STRING(settings->admin, "127.0.0.1:9090");
	CHECK_INT(settings->workers, 1);
	CHECK(settings->engine.policy == NULL);
	CHECK_INT(settings->engine.policy_limits.instructions, 100000);
	CHECK_INT(settings->engine.policy_limits.memory_bytes, 16777216);
	CHECK_STRING(settings->engine.region, "us-east-1");
	CHECK(settings->engine.endpoint == NULL);
	CHECK(!settings->engine.allow_plaintext);
	CHECK(settings->engine.credentials.access_key_id == NULL);
	CHECK_INT(settings->engine.credential_sets.count, 0);
	CHECK_INT(settings->engine.timeouts.connect_ms, 3000);
	CHECK_INT(settings->timeouts.header_ms, 10000);
	CHECK_INT(settings->timeouts.body_ms, 30000);
	CHECK_INT(settings->timeouts.write_ms, 60000);
	CHECK_INT(settings->timeouts.client_idle_ms, 75000);
	CHECK_INT(settings->engine.timeouts.pool_idle_ms, 60000);
	CHECK_INT(settings->timeouts.drain_ms, 30000);
	CHECK_INT(settings->timeouts.min_rate, 500);
	CHECK_INT(settings->engine.limits.body_bytes, 26214400);
	CHECK_INT(settings->engine.limits.response_bytes, 26214400);
	CHECK_INT(settings->engine.limits.header_bytes, 65536);
	CHECK_INT(settings->engine.limits.frame_bytes, 16777216);
	CHECK_INT(settings->engine.limits.hold_bytes, 65536);
	CHECK_INT(settings->limits.connections, 10000);
	CHECK_INT(settings->limits.connections_per_client, 0);
	CHECK_INT(settings->limits.memory_bytes, 1073741824);
	CHECK(!settings->allow_unauthenticated);
	CHECK_INT(settings->allowed_hosts.count, 0);
	CHECK_INT(settings->log.level, LOG_INFO);
	CHECK_INT(settings->log.format, LOG_TEXT);
	CHECK(settings->log.access);
	reading_free(&reading, NULL);
}

TEST(every_key_is_read) {
	struct document table = {0};
	struct reading reading;
	struct document *listen = place_of(&table, "listen");
	document_set_string(document_add_item(listen), SLICE("[::1]:1"));
	document_set_string(document_add_item(listen), SLICE("unix:/run/s.sock"));
	struct document *hosts = place_of(&table, "allowed_hosts");
	document_set_string(document_add_item(hosts), SLICE("gateway.example"));
	document_set_string(document_add_item(hosts), SLICE("[fd00::1]"));
	set_string(&table, "admin", "localhost:2");
	set_number(&table, "workers", 4);
	set_string(&table, "policy", "p.lua");
	set_number(&table, "policy_limits.instructions", 2000);
	set_string(&table, "region", "eu-west-1");
	set_string(&table, "endpoint", "http://example.com/base");
	set_boolean(&table, "allow_plaintext", true);
	set_string(&table, "credentials.access_key_id", "AKID");
	set_string(&table, "credentials.secret_access_key", "SECRET");
	set_string(&table, "credentials.session_token", "TOKEN");
	set_string(&table, "credential_sets.other.bearer_token", "BEARER");
	set_number(&table, "timeouts.drain_ms", 0);
	set_number(&table, "limits.connections", 7);
	set_string(&table, "log.level", "debug");
	set_string(&table, "log.format", "json");
	set_boolean(&table, "log.access", false);
	read_all(&reading, &table, NULL, NULL);
	const struct settings *settings = &reading.settings;
	CHECK_STRING(reading.text, "");
	CHECK_INT(settings->listen.count, 2);
	CHECK_STRING(settings->listen.list[1], "unix:/run/s.sock");
	CHECK_INT(settings->allowed_hosts.count, 2);
	CHECK_STRING(settings->allowed_hosts.list[1], "[fd00::1]");
	CHECK_STRING(settings->admin, "localhost:2");
	CHECK_INT(settings->workers, 4);
	CHECK_STRING(settings->engine.policy, "p.lua");
	CHECK_INT(settings->engine.policy_limits.instructions, 2000);
	CHECK_STRING(settings->engine.region, "eu-west-1");
	CHECK_STRING(settings->engine.endpoint, "http://example.com/base");
	CHECK(settings->engine.allow_plaintext);
	CHECK_STRING(settings->engine.credentials.session_token, "TOKEN");
	CHECK_STRING(settings->engine.credential_sets.list[0].name, "other");
	CHECK_STRING(settings->engine.credential_sets.list[0].credentials.bearer_token, "BEARER");
	CHECK_INT(settings->timeouts.drain_ms, 0);
	CHECK_INT(settings->limits.connections, 7);
	CHECK_INT(settings->log.level, LOG_DEBUG);
	CHECK_INT(settings->log.format, LOG_JSON);
	CHECK(!settings->log.access);
	reading_free(&reading, &table);
}

// A string where `text` is set, a boolean true where `number` is negative, else the number.
static const struct {
	const char *key;
	const char *text;
	double number;
	const char *problem; // a part of it
} wrong[] = {
    {"listen", "8080", 0, "s.lua: listen: expected \"HOST:PORT\""},
    {"listen", "0.0.0.0:8080", 0, "listen: expected a loopback address or a Unix socket"},
    {"listen", "example.com:80", 0, "listen: expected a loopback address or a Unix socket"},
    {"listen", "unix:relative", 0, "listen: expected \"HOST:PORT\""},
    {"listen", NULL, 3, "listen: expected one address or a list of 1 to 64 of them, found number 3"},
    {"admin", "[::]:1", 0, "admin: expected a loopback address"},
    {"admin", NULL, -1, "admin: expected \"HOST:PORT\""},
    {"admin", "127.0.0.1:8080", 0, "admin: expected another address than those of listen"},
    {"admin", "localhost:8080", 0, "admin: expected another address than those of listen"},
    {"workers", NULL, 0, "workers: expected a whole number from 1 to 1024, or \"auto\", found number 0"},
    {"workers", NULL, 1.5, "workers: expected a whole number"},
    {"workers", NULL, 1025, "workers: expected a whole number"},
    {"workers", "many", 0, "workers: expected a whole number"},
    {"policy", "", 0, "policy: expected a non-empty string"},
    {"policy_limits", "x", 0, "policy_limits: expected a table"},
    {"policy_limits.instructions", NULL, 999, "policy_limits.instructions: expected a whole number from 1000"},
    {"policy_limits.memory_bytes", NULL, 1, "policy_limits.memory_bytes: expected a whole number from 1048576"},
    {"region", "not a region", 0, "region: expected"},
    {"endpoint", "bedrock.example.com", 0, "endpoint: expected"},
    {"endpoint", "ftp://example.com", 0, "endpoint: expected"},
    {"endpoint", "http://10.0.0.1", 0,
     "endpoint: expected https:// (or allow_plaintext = true), found http://10.0.0.1"},
    {"allow_plaintext", "yes", 0, "allow_plaintext: expected true or false"},
    {"timeouts.connect_ms", NULL, 9, "timeouts.connect_ms: expected a whole number from 10 to 60000"},
    {"timeouts.header_ms", NULL, 1e9, "timeouts.header_ms: expected"},
    {"timeouts.body_ms", "x", 0, "timeouts.body_ms: expected"},
    {"timeouts.write_ms", NULL, -1, "timeouts.write_ms: expected"},
    {"timeouts.client_idle_ms", NULL, 1, "timeouts.client_idle_ms: expected"},
    {"timeouts.pool_idle_ms", NULL, 1, "timeouts.pool_idle_ms: expected"},
    {"timeouts.drain_ms", NULL, 3600001, "timeouts.drain_ms: expected a whole number from 0 to 3600000"},
    {"timeouts.min_rate", NULL, 1000001, "timeouts.min_rate: expected a whole number from 0 to 1000000"},
    {"timeouts.conect_ms", NULL, 100, "timeouts.conect_ms: expected a known key (did you mean connect_ms?)"},
    {"limits.body_bytes", NULL, 1, "limits.body_bytes: expected"},
    {"limits.response_bytes", NULL, 1, "limits.response_bytes: expected"},
    {"limits.header_bytes", NULL, 1, "limits.header_bytes: expected"},
    {"limits.frame_bytes", NULL, 1e9, "limits.frame_bytes: expected"},
    {"limits.hold_bytes", NULL, 1, "limits.hold_bytes: expected"},
    {"limits.connections", NULL, 0, "limits.connections: expected"},
    {"limits.connections_per_client", NULL, 0, "limits.connections_per_client: expected a whole number from 1"},
    {"limits.memory_bytes", NULL, 1048575, "limits.memory_bytes: expected a whole number from 1048576"},
    {"limits.memory_bytes", NULL, 1048576, "limits.memory_bytes: expected at least body_bytes and response_bytes"},
    {"tls", "x", 0, "tls: expected a table"},
    {"tls.cert", "x", 0, "tls: expected both cert and key, found no key"},
    {"tls.key", "x", 0, "tls: expected both cert and key, found no cert"},
    {"tls.certificate", "x", 0, "tls.certificate: expected a known key"},
    {"allowed_hosts", "example.com", 0, "allowed_hosts: expected a list of at most 64 names"},
    {"allowed_hosts.name", "example.com", 0, "allowed_hosts: expected a list of at most 64 names"},
    {"allow_unauthenticated", "yes", 0, "allow_unauthenticated: expected true or false"},
    {"log.level", "loud", 0, "log.level: expected \"debug\", \"info\", \"warn\", \"error\" or \"off\""},
    {"log.format", "xml", 0, "log.format: expected \"text\" or \"json\""},
    {"log.access", "x", 0, "log.access: expected true or false"},
    {"plicy", "x", 0, "plicy: expected a known key (did you mean policy?), found an unknown one"},
    {"zzzzzzzzzz", "x", 0, "zzzzzzzzzz: expected a known key, found an unknown one"},
};

TEST(each_mistake_is_one_problem) {
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct document table = {0};
		struct reading reading;
		if (wrong[i].text)
			set_string(&table, wrong[i].key, wrong[i].text);
		else if (wrong[i].number < 0)
			set_boolean(&table, wrong[i].key, true);
		else
			set_number(&table, wrong[i].key, wrong[i].number);
		read_all(&reading, &table, NULL, NULL);
		bool good =
		    reading.rc == ERROR_INVALID && reading.problems.count == 1 && strstr(reading.text, wrong[i].problem);
		CHECK(good);
		if (!good)
			printf("  row %zu, %s, got:\n%s", i, wrong[i].key, reading.text);
		reading_free(&reading, &table);
	}
}

TEST(all_problems_come_at_once) {
	struct document table = {0};
	struct reading reading;
	set_string(&table, "listen", "x");
	set_number(&table, "workers", 0);
	set_string(&table, "log.level", "x");
	set_string(&table, "polcy", "x");
	read_all(&reading, &table, NULL, NULL);
	CHECK_INT(reading.problems.count, 4);
	reading_free(&reading, &table);
}

TEST(lists_of_listeners_name_the_bad_item) {
	struct document table = {0};
	struct reading reading;
	struct document *listen = place_of(&table, "listen");
	document_set_string(document_add_item(listen), SLICE("127.0.0.1:1"));
	document_set_string(document_add_item(listen), SLICE("10.0.0.1:1"));
	read_all(&reading, &table, NULL, NULL);
	CHECK(strstr(reading.text, "listen[2]: expected a loopback address") != NULL);
	CHECK_INT(reading.problems.count, 1);
	document_free(&listen->items[1]);
	document_set_string(&listen->items[1], SLICE("nonsense"));
	reading_free(&reading, NULL);
	read_all(&reading, &table, NULL, NULL);
	CHECK(strstr(reading.text, "listen[2]: expected \"HOST:PORT\"") != NULL);
	CHECK_INT(reading.settings.listen.count, 1);
	CHECK_STRING(reading.settings.listen.list[0], "127.0.0.1:8080");
	reading_free(&reading, &table);
}

TEST(lists_of_hosts_name_the_bad_item) {
	static const char *const bad[] = {"", "http://a", "a:80", "a/b", "::1", "[::1", "a b", "*.a", "unix:/x"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct document table = {0};
		struct reading reading;
		struct document *hosts = place_of(&table, "allowed_hosts");
		document_set_string(document_add_item(hosts), SLICE("a.example"));
		document_set_string(document_add_item(hosts), slice_from(bad[i]));
		read_all(&reading, &table, NULL, NULL);
		CHECK_INT(reading.problems.count, 1);
		CHECK_MENTIONS(reading.text, "allowed_hosts[2]: expected the name of a host, without scheme and port");
		reading_free(&reading, &table);
	}
}

TEST(hosts_are_checked_unless_other_machines_may_connect) {
	static const struct {
		const char *listen, *allowed;
		bool are_checked;
	} rows[] = {
	    {"127.0.0.1:1", NULL, true},
	    {"unix:/run/s.sock", NULL, true},
	    {"0.0.0.0:1", NULL, false},
	    {"0.0.0.0:1", "gateway.example", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct document table = {0};
		struct reading reading;
		document_set_string(document_add_item(place_of(&table, "listen")), slice_from(rows[i].listen));
		set_boolean(&table, "allow_unauthenticated", true);
		if (rows[i].allowed)
			document_set_string(document_add_item(place_of(&table, "allowed_hosts")), slice_from(rows[i].allowed));
		read_all(&reading, &table, NULL, NULL);
		CHECK_STRING(reading.text, "");
		CHECK_INT(settings_request_hosts(&reading.settings).are_checked, rows[i].are_checked);
		reading_free(&reading, &table);
	}
}

TEST(remote_clients_need_allow_unauthenticated) {
	struct document table = {0};
	struct reading reading;
	set_string(&table, "listen", "0.0.0.0:8080");
	set_boolean(&table, "allow_unauthenticated", true);
	read_all(&reading, &table, NULL, NULL);
	CHECK_STRING(reading.text, "");
	CHECK_STRING(reading.settings.listen.list[0], "0.0.0.0:8080");
	reading_free(&reading, NULL);
	set_string(&table, "admin", "0.0.0.0:9090");
	read_all(&reading, &table, NULL, NULL);
	CHECK(strstr(reading.text, "admin: expected a loopback address") != NULL);
	reading_free(&reading, &table);
}

TEST(an_endpoint_may_share_the_port_of_a_listener_on_every_interface) {
	static const struct {
		const char *endpoint;
		bool refused;
	} rows[] = {
	    {"http://127.0.0.1:443", true},     {"https://localhost", true},      {"https://0.0.0.0", true},
	    {"https://bedrock.example", false}, {"http://127.0.0.1:8443", false}, {"https://198.51.100.7", false},
	};
	struct document table = {0};
	struct reading reading;
	set_string(&table, "listen", "0.0.0.0:443");
	set_boolean(&table, "allow_unauthenticated", true);
	read_all(&reading, &table, NULL, NULL);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct problems problems = {0};
		settings_refuse_own_endpoint(&reading.settings, NULL, 0, "endpoint", rows[i].endpoint, &problems);
		CHECK_INT(problems.count, rows[i].refused ? 1 : 0);
		problems_free(&problems);
	}
	reading_free(&reading, &table);
}

TEST(one_address_twice_is_refused_unless_the_system_picks_the_port) {
	struct document table = {0};
	struct reading reading;
	struct document *listen = place_of(&table, "listen");
	document_set_string(document_add_item(listen), SLICE("127.0.0.1:0"));
	document_set_string(document_add_item(listen), SLICE("127.0.0.1:0"));
	set_string(&table, "admin", "127.0.0.1:0");
	read_all(&reading, &table, NULL, NULL);
	CHECK_STRING(reading.text, "");
	reading_free(&reading, &table);
	listen = place_of(&table, "listen");
	document_set_string(document_add_item(listen), SLICE("127.0.0.1:5"));
	document_set_string(document_add_item(listen), SLICE("localhost:5"));
	document_set_string(document_add_item(listen), SLICE("127.0.0.1:5"));
	set_string(&table, "admin", "127.0.0.1:5");
	read_all(&reading, &table, NULL, NULL);
	CHECK_STRING(reading.text, "s.lua: listen[2]: expected each address once, found localhost:5\n"
	                           "s.lua: listen[3]: expected each address once, found 127.0.0.1:5\n"
	                           "s.lua: admin: expected another address than those of listen, found 127.0.0.1:5\n");
	reading_free(&reading, &table);
}

// Ways to get credentials wrong; each text has SECRET in it and no problem may.
TEST(flags_override_the_file) {
	static const char *const listen[] = {"127.0.0.1:11", "127.0.0.1:12"};
	struct settings_flags flags = {
	    .policy = "flag.lua",
	    .admin = "127.0.0.1:13",
	    .workers = "3",
	    .region = "ap-south-1",
	    .endpoint = "http://127.0.0.1:14",
	    .log_level = "error",
	    .log_format = "json",
	    .listen = listen,
	    .listen_count = 2,
	};
	struct document table = {0};
	struct reading reading;
	set_string(&table, "policy", "file.lua");
	set_string(&table, "listen", "127.0.0.1:1");
	set_number(&table, "workers", 2);
	set_string(&table, "region", "eu-west-1");
	set_string(&table, "log.level", "debug");
	set_boolean(&table, "log.access", false);
	read_all(&reading, &table, &flags, NULL);
	const struct settings *settings = &reading.settings;
	CHECK_STRING(reading.text, "");
	CHECK_STRING(settings->engine.policy, "flag.lua");
	CHECK_STRING(settings->admin, "127.0.0.1:13");
	CHECK_INT(settings->listen.count, 2);
	CHECK_STRING(settings->listen.list[1], "127.0.0.1:12");
	CHECK_INT(settings->workers, 3);
	CHECK_STRING(settings->engine.region, "ap-south-1");
	CHECK_STRING(settings->engine.endpoint, "http://127.0.0.1:14");
	CHECK_INT(settings->log.level, LOG_ERROR);
	CHECK_INT(settings->log.format, LOG_JSON);
	CHECK(!settings->log.access);
	reading_free(&reading, &table);
}

TEST(flags_are_checked_like_the_file) {
	struct settings_flags flags = {.workers = "-1", .log_level = "x", .endpoint = "x", .region = ""};
	struct reading reading;
	read_all(&reading, NULL, &flags, NULL);
	CHECK_INT(reading.problems.count, 4);
	CHECK(strstr(reading.text, "command line: workers: expected") != NULL);
	reading_free(&reading, NULL);
}

TEST(a_clash_that_a_flag_brought_in_is_the_command_lines) {
	static const char *const unspecified[] = {"0.0.0.0:5"}, *const same[] = {"127.0.0.1:5", "127.0.0.1:5"};
	static const struct {
		struct settings_flags flags;
		const char *key, *value; // of the file
		const char *text;
	} rows[] = {
	    {{.listen = unspecified, .listen_count = 1}, NULL, NULL, "command line: listen: expected a loopback address"},
	    {{.listen = same, .listen_count = 2}, NULL, NULL, "command line: listen[2]: expected each address once"},
	    {{.listen = same, .listen_count = 1}, "admin", same[0], "command line: listen: expected other addresses"},
	    {{.admin = "127.0.0.1:5"}, "listen", same[0], "command line: admin: expected another address"},
	    {{.endpoint = "http://10.0.0.1"}, NULL, NULL, "command line: endpoint: expected https://"},
	    {{.admin = "127.0.0.1:6"}, "endpoint", "http://10.0.0.1", "s.lua: endpoint: expected https://"},
	    {{.admin = "127.0.0.1:6"}, "listen", unspecified[0], "s.lua: listen: expected a loopback address"},
	    {{.endpoint = "http://127.0.0.1:5"}, "listen", same[0], "command line: endpoint: expected another server"},
	    {{.listen = same, .listen_count = 1},
	     "endpoint",
	     "http://127.0.0.1:5",
	     "command line: listen: expected another server"},
	    {{.admin = "127.0.0.1:5"}, "endpoint", "http://127.0.0.1:5", "command line: admin: expected another server"},
	    {{.listen = same, .listen_count = 1}, "endpoint", "http://127.0.0.1:9090", "endpoint: expected another server"},
	    {{.region = "eu-west-1"}, "endpoint", "http://127.0.0.1:8080", "endpoint: expected another server"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct document table = {.kind = DOCUMENT_TABLE};
		struct reading reading;
		if (rows[i].key)
			set_string(&table, rows[i].key, rows[i].value);
		read_all(&reading, &table, &rows[i].flags, NULL);
		settings_refuse_loop(&reading.settings, &reading.problems);
		struct buffer text;
		buffer_init(&text, sizeof reading.text);
		problems_format(&reading.problems, &text);
		CHECK_INT(reading.problems.count, 1);
		CHECK(slice_starts(buffer_slice(&text), slice_from(rows[i].text)));
		buffer_free(&text);
		reading_free(&reading, &table);
	}
}

TEST(our_own_listeners_are_refused_as_endpoints) {
	static const struct {
		const char *endpoint;
		bool own;
	} rows[] = {
	    {"http://127.0.0.1:8080", true},
	    {"http://localhost:8080/x", true},
	    {"http://127.0.0.1:9090", true},
	    {"http://127.0.0.1:8081", false},
	    {"https://example.com", false},
	    {"http://[::1]:8080", false},
	    {"https://127.0.0.1:8080", true},
	    {"nonsense", false},
	    {NULL, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reading reading;
		read_all(&reading, NULL, NULL, NULL);
		settings_refuse_own_endpoint(&reading.settings, "p.lua", 0, "models[1].endpoint", rows[i].endpoint,
		                             &reading.problems);
		CHECK_INT(reading.problems.count, rows[i].own);
		reading_free(&reading, NULL);
	}
}

TEST(auto_is_at_least_one_worker) {
	struct settings_flags flags = {.workers = "auto"};
	struct reading reading;
	read_all(&reading, NULL, &flags, NULL);
	CHECK_INT(reading.rc, 0);
	CHECK(reading.settings.workers >= 1 && reading.settings.workers <= 1024);
	reading_free(&reading, NULL);
}

TEST(the_environment_fills_in_region_and_endpoint) {
	static const struct {
		struct variable variables[5];
		const char *region, *endpoint;
	} rows[] = {
	    {{{"AWS_REGION", "eu-west-1"}, {"AWS_DEFAULT_REGION", "eu-west-2"}, {0}}, "eu-west-1", NULL},
	    {{{"AWS_DEFAULT_REGION", "eu-west-2"}, {0}}, "eu-west-2", NULL},
	    {{{"AWS_REGION", "  "}, {"AWS_DEFAULT_REGION", "eu-west-2"}, {0}}, "eu-west-2", NULL},
	    {{{"AWS_REGION", ""}, {0}}, "us-east-1", NULL},
	    {{{"AWS_ENDPOINT_URL", "https://all"}, {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://one"}, {0}},
	     "us-east-1",
	     "https://one"},
	    {{{"AWS_ENDPOINT_URL", "https://all"}, {0}}, "us-east-1", "https://all"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct reading reading;
		read_all(&reading, NULL, NULL, rows[i].variables);
		CHECK_STRING(reading.text, "");
		CHECK_STRING(reading.settings.engine.region, rows[i].region);
		CHECK_STRING(reading.settings.engine.endpoint, rows[i].endpoint);
		reading_free(&reading, NULL);
	}
}

TEST(the_file_wins_over_the_environment_whose_mistakes_are_named) {
	static const struct variable variables[] = {{"AWS_REGION", "no region"}, {"AWS_ENDPOINT_URL", "x"}, {0}};
	struct document table = {0};
	struct reading reading;
	set_string(&table, "region", "eu-west-3");
	read_all(&reading, &table, NULL, variables);
	CHECK_STRING(reading.settings.engine.region, "eu-west-3");
	CHECK_INT(reading.problems.count, 1);
	CHECK(strstr(reading.text, "environment: AWS_ENDPOINT_URL: expected") != NULL);
	reading_free(&reading, &table);
}

int main(void) {
	RUN(defaults_are_the_documented_ones);
	RUN(every_key_is_read);
	RUN(each_mistake_is_one_problem);
	RUN(all_problems_come_at_once);
	RUN(lists_of_listeners_name_the_bad_item);
	RUN(lists_of_hosts_name_the_bad_item);
	RUN(hosts_are_checked_unless_other_machines_may_connect);
	RUN(remote_clients_need_allow_unauthenticated);
	RUN(an_endpoint_may_share_the_port_of_a_listener_on_every_interface);
	RUN(one_address_twice_is_refused_unless_the_system_picks_the_port);
	RUN(flags_override_the_file);
	RUN(flags_are_checked_like_the_file);
	RUN(a_clash_that_a_flag_brought_in_is_the_command_lines);
	RUN(our_own_listeners_are_refused_as_endpoints);
	RUN(auto_is_at_least_one_worker);
	RUN(the_environment_fills_in_region_and_endpoint);
	RUN(the_file_wins_over_the_environment_whose_mistakes_are_named);
	return check_summary();
}

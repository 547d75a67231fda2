// SPDX-License-Identifier: Apache-2.0
// The certificates that are trusted, read once per file and process, whatever the number of workers and endpoints:
// reading a system's store costs 20 ms.
#ifndef NET_TRUST_H
#define NET_TRUST_H

struct trust;
struct x509_store_st;

// The store of a file of PEM certificates; NULL is the system's. Counted: give it back with trust_release. A file that
// can't be read is logged and leaves the store empty, so that nothing is trusted. From any thread; never NULL.
struct trust *trust_take(const char *ca_file);

void trust_release(struct trust *trust);

// Borrowed.
struct x509_store_st *trust_store(const struct trust *trust);

#endif

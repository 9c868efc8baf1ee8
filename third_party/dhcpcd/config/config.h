// SPDX-License-Identifier: Apache-2.0
//
// What dhcpcd's configure would write for this C library and for the options
// that the initramfs needs: IPv4 only, and of it DHCP without ARP probing (it
// costs seconds of each boot, and a conflict would take the address away from
// under the root file system), IPv4LL (a made-up address reaches no volume),
// authentication, privilege separation (the initramfs has one user) or udev.
#ifndef THIRD_PARTY_DHCPCD_CONFIG_CONFIG_H_
#define THIRD_PARTY_DHCPCD_CONFIG_CONFIG_H_

#define SYSCONFDIR "/etc"
#define SBINDIR "/bin"
#define LIBDIR "/lib"
#define LIBEXECDIR "/bin"
#define DBDIR "/var/lib/dhcpcd"
// Not below /run: the new root takes /run with it, while dhcpcd lives on.
#define RUNDIR "/var/lib/dhcpcd/run"

// Where the names of DHCP options are defined; initrd/initramfs.spec puts the
// source's own file there.
#define EMBEDDED_CONFIG "/etc/dhcpcd-definitions.conf"

#include <linux/rtnetlink.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/socket.h>

#define HAVE_IN6_ADDR_GEN_MODE_NONE
#define HAVE_NBTOOL_CONFIG_H 0
#define HAVE_NL80211_H
#define HAVE_OPEN_MEMSTREAM
#define HAVE_PPOLL
#define HAVE_REALLOCARRAY
#define RBTEST

#include "compat/consttime_memequal.h"
#include "compat/crypt/hmac.h"
#include "compat/crypt/md5.h"
#include "compat/crypt/sha256.h"
#include "compat/endian.h"
#include "compat/pidfile.h"
#include "compat/queue.h"
#include "compat/rbtree.h"
#include "compat/strtoi.h"

// dhcpcd renames its process to show its state. The name must stay: its first
// character, '@', is what makes systemd spare the process at shutdown.
#define setproctitle_init(argc, argv, environment)
#define setproctitle(...) (void)0
#define setproctitle_fini()

#endif  // THIRD_PARTY_DHCPCD_CONFIG_CONFIG_H_

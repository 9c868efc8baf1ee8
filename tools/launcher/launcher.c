// SPDX-License-Identifier: Apache-2.0
//
// Starts a program of an unpacked package with the C library it was built for.
//
// It lies as REPOSITORY/bin/NAME beside REPOSITORY/tree, and runs NAME from the
// tree through a dynamic loader of the lock, so that neither a shell nor a
// library of the machine takes part. Being linked statically it needs none
// itself. The loader and the libraries are the tree's own; a tree without a C
// library borrows those of the compiler's tree.

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARIES "usr/lib/x86_64-linux-gnu"
#define LOADER "/ld-linux-x86-64.so.2"
#define CLANG_RESOURCES "usr/lib/llvm-19/lib/clang/19"

static const char* const kProgramFolders[] = {"usr/lib/llvm-19/bin", "usr/bin",
                                              "usr/sbin"};

// Variables that would let the machine's headers and libraries in.
static const char* const kLeakyVariables[] = {
    "LD_LIBRARY_PATH", "LD_PRELOAD",     "LIBRARY_PATH",
    "CPATH",           "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH",
};

static _Noreturn void Die(const char* what) {
  perror(what);
  exit(127);
}

static char* Join(const char* a, const char* b) {
  size_t length = strlen(a) + strlen(b) + 1;
  char* joined = malloc(length);
  if (joined == NULL) Die("launcher");
  snprintf(joined, length, "%s%s", a, b);
  return joined;
}

// The folder of a path, with its trailing slash.
static char* FolderOf(const char* path) {
  char* folder = Join(path, "");
  strrchr(folder, '/')[1] = '\0';
  return folder;
}

// The folder this launcher was started from. Relative when it was started by a
// relative path: the compiler's outputs must not hold a machine's own paths.
static char* OwnFolder(const char* invoked_as) {
  if (strchr(invoked_as, '/') != NULL) return FolderOf(invoked_as);
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length < 0) Die("/proc/self/exe");
  path[length] = '\0';
  return FolderOf(path);
}

static char* FindProgram(const char* tree, const char* name) {
  for (size_t i = 0; i < sizeof(kProgramFolders) / sizeof(*kProgramFolders);
       ++i) {
    char* program = Join(Join(tree, kProgramFolders[i]), Join("/", name));
    if (access(program, X_OK) == 0) return program;
  }
  fprintf(stderr, "launcher: %s holds no program %s\n", tree, name);
  exit(127);
}

// clang looks for its headers through /proc/self/exe, which is the loader here,
// and so must be told. It starts itself again with -cc1 first, and then with
// all it needs.
static int NeedsClangFolders(const char* name, int argc, char** argv) {
  if (strcmp(name, "clang") != 0 && strcmp(name, "clang++") != 0) return 0;
  return argc < 2 || strncmp(argv[1], "-cc1", 4) != 0;
}

int main(int argc, char** argv) {
  char* folder = OwnFolder(argv[0]);
  const char* slash = strrchr(argv[0], '/');
  const char* name = slash != NULL ? slash + 1 : argv[0];
  // clang starts itself again by its name: that must lead here too.
  char* invoked_as = slash != NULL ? argv[0] : Join(folder, name);
  char* tree = Join(folder, "../tree/");
  char* libraries = Join(tree, LIBRARIES);
  char* loader = Join(libraries, LOADER);
  if (access(loader, X_OK) != 0) {
    char* borrowed = Join(folder, "../../debian_compiler/tree/" LIBRARIES);
    loader = Join(borrowed, LOADER);
    libraries = Join(Join(libraries, ":"), borrowed);
  }

  char** command = calloc((size_t)argc + 16, sizeof(*command));
  if (command == NULL) Die("launcher");
  int count = 0;
  command[count++] = loader;
  command[count++] = "--inhibit-cache";
  command[count++] = "--argv0";
  command[count++] = invoked_as;
  command[count++] = "--library-path";
  command[count++] = libraries;
  command[count++] = FindProgram(tree, name);
  if (NeedsClangFolders(name, argc, argv)) {
    command[count++] = "-no-canonical-prefixes";
    command[count++] = Join("-resource-dir=", Join(tree, CLANG_RESOURCES));
    command[count++] = Join("-B", folder);
  }
  for (int i = 1; i < argc; ++i) command[count++] = argv[i];

  for (size_t i = 0; i < sizeof(kLeakyVariables) / sizeof(*kLeakyVariables);
       ++i) {
    unsetenv(kLeakyVariables[i]);
  }
  execv(command[0], command);
  Die(command[0]);
}

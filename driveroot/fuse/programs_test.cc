// SPDX-License-Identifier: Apache-2.0
//
// Programs that are hard on file systems, on a mounted volume: a Debian root is
// unpacked there and apt installs the programs into it, which then work in it.
//
//   programs_test TREE COMPILER SYSROOT PACKAGE...
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <format>
#include <memory>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "driveroot/fuse/programs/debian_root.h"
#include "driveroot/fuse/test_mount.h"

namespace driveroot {
namespace {

namespace stdfs = std::filesystem;

std::vector<std::string>& Arguments() {
  static auto& arguments = *new std::vector<std::string>;
  return arguments;
}

// An index of the packages in /packages, as apt wants it.
constexpr char kMakeIndex[] = R"sh(
cd /packages
for package in *.deb; do
  dpkg-deb -f $package
  echo "Filename: ./$package"
  echo "Size: $(stat -c %s $package)"
  echo "SHA256: $(sha256sum $package | cut -d ' ' -f 1)"
  echo
done > /root/Packages
mkdir -p /root/archive
ln -s /packages/*.deb /root/archive/
mv /root/Packages /root/archive/
echo 'deb [trusted=yes] file:/root/archive ./' > /etc/apt/sources.list
)sh";

constexpr char kInstall[] = R"sh(
apt-get -q update
apt-get -qy --no-install-recommends install bc file git jq less make patch \
    python3-minimal rsync sqlite3 strace tree xz-utils zip
)sh";

// Everything that a file system can hold, in /root/everything.
constexpr char kMakeEverything[] = R"sh(
mkdir /root/everything && cd /root/everything
mkdir -p folder/below && chmod 2775 folder && chmod 1777 folder/below
echo contents > file && chmod 4755 file && chown 12:34 file
ln file folder/hard && ln -s ../file folder/link && ln -s nowhere dangling
mkfifo fifo && mknod null c 1 3 && mknod disk b 7 0
truncate -s 10000000 sparse && echo end >> sparse
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
python3 -c 'open(b"\xff\x01\x0aname", "w")'
head -c 300000 /dev/urandom > random
setfattr -n user.comment -v 'a comment' file
setfattr -n trusted.comment -v 'another' folder
setfacl -m u:1000:rx,g:2000:r file && setfacl -d -m u:1000:rwx folder
touch -d '1969-07-20 20:17:40.123456789' folder/link -h
touch -d '2040-01-01 00:00:00.987654321' random
)sh";

class ProgramsTest : public testing::Test {
 protected:
  // Unpacking and installing take the longest, so all share what they give.
  static void SetUpTestSuite() {
    if (!TestMount::SkipReason().empty()) return;
    const std::vector<std::string>& arguments = Arguments();
    ASSERT_GT(arguments.size(), 3u);
    Result<std::unique_ptr<DebianRoot>> made = DebianRoot::Make(arguments[0]);
    ASSERT_TRUE(made) << made.error();
    root_ = made->release();
    const std::string packages = root_->outside() + "/packages";
    stdfs::create_directories(packages);
    for (const std::string& package : std::span(arguments).subspan(3)) {
      const stdfs::path path(package);
      stdfs::copy_file(path, packages / path.filename());
    }
    ASSERT_TRUE(root_->Bind(packages, "/packages"));
    Expect(kMakeIndex);
    Expect(kInstall);
  }

  static void TearDownTestSuite() { delete root_; }

  void SetUp() override {
    if (const std::string reason = TestMount::SkipReason(); !reason.empty()) {
      GTEST_SKIP() << reason;
    }
    ASSERT_NE(root_, nullptr);
  }

  // Runs a script that must succeed; returns what it wrote.
  static std::string Expect(const std::string& script) {
    const ScriptResult result = root_->Run(script);
    EXPECT_EQ(result.code, 0) << script << "\n" << result.output;
    return result.output;
  }

  static DebianRoot* root_;
};

DebianRoot* ProgramsTest::root_ = nullptr;

// What dpkg finds to be different from what it installed. The tree leaves
// documentation out, which it calls missing.
constexpr char kVerify[] = R"sh(
dpkg --audit
dpkg --verify | grep -vE '^missing  +[c ] /usr/share/(doc|info|locale|man|lintian|linda)/' || true
)sh";

TEST_F(ProgramsTest, AptInstalls) {
  EXPECT_EQ(Expect("git --version | cut -d ' ' -f 1,2"), "git version\n");
  const std::string before = Expect(kVerify);
  EXPECT_EQ(before, "");
  ASSERT_TRUE(root_->Remount());
  EXPECT_EQ(Expect(kVerify), before);
  Expect("apt-get -qy remove tree && apt-get -qy install tree");
  EXPECT_EQ(Expect(kVerify), before);
}

TEST_F(ProgramsTest, Git) {
  Expect(R"sh(
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
cd /root && git init -q -b main one && cd one
for i in $(seq 200); do mkdir -p d$((i % 10)); echo $i > d$((i % 10))/$i; done
git add . && git commit -qm first
cp /usr/bin/git large && rm -r d3 && git add -A && git commit -qm second
git checkout -q HEAD~1 && git checkout -q main && git branch other HEAD~1
git mv d4 d5/d4 && git commit -qm third
git clone -q --no-local /root/one /root/two && cd /root/two
git gc -q --aggressive --prune=now && git fsck --full --strict
git merge-base --is-ancestor HEAD~2 HEAD
test -z "$(git status --porcelain)"
diff -r --exclude=.git /root/one /root/two
rm -rf /root/one /root/two
)sh");
}

TEST_F(ProgramsTest, SqliteInWalModeByTwoProcesses) {
  EXPECT_EQ(Expect(R"sh(
mkdir /root/sql && cd /root/sql
sqlite3 db 'pragma journal_mode=wal; create table t(who, n);' > /dev/null
write() {
  for i in $(seq 60); do
    echo ".timeout 60000"
    echo "begin immediate; insert into t values('$1', $i); insert into t values('$1', -$i); commit;"
  done | sqlite3 db
}
write a & write b &
for i in $(seq 20); do
  sqlite3 -cmd '.timeout 60000' db 'select count(*) % 2 from t' | grep -qx 0
done
wait
sqlite3 db 'select who, count(*), sum(n) from t group by who order by who; pragma integrity_check;'
rm -r /root/sql
)sh"),
            "a|120|0\nb|120|0\nok\n");
}

TEST_F(ProgramsTest, RsyncThereAndBack) {
  EXPECT_EQ(Expect(std::string(kMakeEverything) + R"sh(
rsync -aHAX --sparse /root/everything /usr/share/perl5 /etc /mnt/there/
rsync -aHAX --sparse /mnt/there/ /root/back/
rsync -aHAXnc --delete --itemize-changes /root/everything /usr/share/perl5 /etc /root/back/
rsync -aHAXnc --delete --itemize-changes /mnt/there/ /root/back/
test $(stat -c %b /root/back/everything/sparse) -lt 1000
rm -rf /root/back /mnt/there /root/everything
)sh"),
            "");
}

TEST_F(ProgramsTest, TarBothWays) {
  EXPECT_EQ(Expect(std::string(kMakeEverything) + R"sh(
rm socket
all='--acls --xattrs --xattrs-include=* --format=pax --sparse --warning=no-timestamp'
tar $all -cf /mnt/outside.tar -C /root everything
mkdir /root/in && tar $all -xpf /mnt/outside.tar -C /root/in
tar $all -cf /root/inside.tar -C /root/in everything
mkdir /mnt/out && tar $all -xpf /root/inside.tar -C /mnt/out
rsync -aHAXnc --delete --itemize-changes /root/everything /root/in/
rsync -aHAXnc --delete --itemize-changes /root/everything /mnt/out/
rm -rf /root/in /root/inside.tar /mnt/out /mnt/outside.tar /root/everything
)sh"),
            "");
}

TEST_F(ProgramsTest, MakeBuildsAProject) {
  ASSERT_TRUE(root_->Bind(Arguments()[1], "/opt/compiler"));
  ASSERT_TRUE(root_->Bind(Arguments()[2], "/opt/sysroot"));
  EXPECT_EQ(Expect(R"sh(
libraries=/opt/compiler/usr/lib/x86_64-linux-gnu
for program in clang ld.lld; do
  cat > /usr/local/bin/$program << END
#!/bin/sh
exec $libraries/ld-linux-x86-64.so.2 --argv0 /usr/local/bin/$program \
    --library-path $libraries:/opt/compiler/usr/lib/llvm-19/lib \
    /opt/compiler/usr/lib/llvm-19/bin/$program "\$@"
END
  chmod +x /usr/local/bin/$program
done
mkdir /root/project && cd /root/project
for i in $(seq 30); do
  echo "int f$i(int x) { return x + $i; }" > f$i.c
  echo "int f$i(int);" >> all.h
  calls="$calls + f$i(0)"
done
echo '#include <stdio.h>
#include "all.h"
int main(void) { printf("%d", 0'"$calls"'); }' > main.c
cat > Makefile << 'END'
CC = clang --sysroot=/opt/sysroot -resource-dir=/opt/compiler/usr/lib/llvm-19/lib/clang/19 --gcc-install-dir=/opt/sysroot/usr/lib/gcc/x86_64-linux-gnu/14
program: $(patsubst %.c,%.o,$(wildcard *.c))
	$(CC) -static -fuse-ld=/usr/local/bin/ld.lld -o $@ $^
%.o: %.c all.h
	$(CC) -c -o $@ $<
END
make -s -j4
./program
make -q
touch all.h && ! make -q && make -s -j4 && make -q
rm -r /root/project
)sh"),
            "465");
}

// As container tools use it: images below, a container's changes on top.
TEST_F(ProgramsTest, OverlaysBelowAndOnTop) {
  EXPECT_EQ(Expect(R"sh(
mkdir -p /root/o && cd /root/o && mkdir lower upper work merged
mkdir -p lower/d/e && echo below > lower/d/f && echo gone > lower/gone
setfattr -n user.a -v 1 lower/d/f && ln lower/d/f lower/hard
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
echo above >> merged/d/f
rm merged/gone
mv merged/d/e merged/e
rm -r merged/d && mkdir merged/d && echo new > merged/d/g
touch merged/made && chown 5:6 merged/made
cp -a /etc/passwd merged/ && sed -i s/root/toor/ merged/passwd
ls merged merged/d && getfattr --absolute-names --only-values -n user.a merged/hard
echo
umount merged
stat -c '%F %t:%T' upper/gone
mount -t overlay overlay -o lowerdir=upper:lower merged
ls merged
umount merged
rm -rf /root/o
)sh"),
            "merged:\nd\ne\nhard\nmade\npasswd\n\nmerged/d:\ng\n1\n"
            "character special file 0:0\nd\ne\nhard\nmade\npasswd\n");
}

TEST_F(ProgramsTest, JournalAndMachineId) {
  Expect(R"sh(
: > /etc/machine-id && systemd-machine-id-setup > /dev/null
grep -qE '^[0-9a-f]{32}$' /etc/machine-id
mkdir -p /var/log/journal /etc/systemd/journald.conf.d /run/systemd/journal
printf '[Journal]\nStorage=persistent\nAudit=keep\nReadKMsg=no\nForwardToSyslog=no\n' \
    > /etc/systemd/journald.conf.d/test.conf
/usr/lib/systemd/systemd-journald &
journald=$!
log=/run/systemd/journal/dev-log
until test -S $log; do sleep 0.1; done
for i in $(seq 100); do logger -u $log --socket-errors=on -t test message $i; done
journalctl --flush && journalctl --sync
kill $journald && wait $journald
journal=/var/log/journal/$(cat /etc/machine-id)
test $(journalctl -D $journal -t test -o cat | grep -c '^message') -eq 100
journalctl -D $journal --verify
)sh");
}

}  // namespace
}  // namespace driveroot

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (const char* argument : std::span(argv, static_cast<size_t>(argc))) {
    std::error_code ignored;
    driveroot::Arguments().push_back(
        std::filesystem::canonical(argument, ignored).string());
  }
  driveroot::Arguments().erase(driveroot::Arguments().begin());
  return RUN_ALL_TESTS();
}

#!/bin/bash
# prepare.sh CONTEXT: lays out a small Java, the C libraries that it needs, the server's jars and what starts them, in CONTEXT/rootfs.
set -euo pipefail
cd "$1"
root=$PWD/rootfs es=$PWD/rootfs/es
mkdir -p "$root"/{tmp,data,etc,opt,lib64} "$es"/{lib,plugins,modules/transport-netty4,modules/rest-root}
chmod 1777 "$root/tmp" "$root/data"

mvn -q -B dependency:copy-dependencies -DoutputDirectory="$PWD/jars"
version=$(basename jars/elasticsearch-8.*.jar .jar); version=${version#elasticsearch-}
for class in Node RootPlugin; do
    mkdir "$class"
    javac --release 17 -proc:none -d "$class" -cp 'jars/*' "src/$class.java"
done
jar cf "$es/lib/node.jar" -C Node .
jar cf "$es/modules/rest-root/rest-root.jar" -C RootPlugin .
mv jars/netty-*.jar jars/transport-netty4-*.jar "$es/modules/transport-netty4/"
mv jars/*.jar "$es/lib/"

module() {
    printf '%s\n' "name=$1" "description=$1" "classname=$2" "version=$version" "elasticsearch.version=$version" java.version=17 \
        extended.plugins= has.native.controller=false >"$es/modules/$1/plugin-descriptor.properties"
}
module transport-netty4 org.elasticsearch.transport.netty4.Netty4Plugin
module rest-root jobapptests.RootPlugin

# The class path in one order: the classes that were noted are good for that order only.
{ echo -cp; (cd "$root" && printf '/%s:' es/lib/*.jar) | sed 's/:$/\n/'; } >"$es/java.args"

jlink --add-modules java.se,jdk.unsupported,jdk.net,jdk.crypto.ec,jdk.zipfs,jdk.management,jdk.localedata --include-locales=en \
    --strip-debug --no-header-files --no-man-pages --generate-cds-archive --output "$root/opt/java"
# For heaps above 32 GB.
rm -f "$root/opt/java/lib/server/classes_nocoops.jsa"
echo 'es:x:1000:1000::/data:/bin/false' >"$root/etc/passwd"
{ ldd "$root/opt/java/bin/java"; find "$root/opt/java/lib" -name '*.so' -exec ldd {} +; } 2>/dev/null |
    grep -oE '/[^ ]+\.so[^ ]*' | grep -v "^$root" | sort -u | while read -r library; do install -D "$library" "$root$library"; done

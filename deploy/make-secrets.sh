#!/bin/sh
# Makes the secrets that docker-compose.yml reads, each one once: what exists is never overwritten.
# Run it again after taking a file away to have that one made anew; docs/operations.md says which
# of them belong together.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
# The files are readable by the users inside the containers, so the folder keeps others out.
chmod 700 "$folder"

random() {
	od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# Writes standard input to a file, whole or not at all, unless there is one.
keep() {
	if [ -e "$folder/$1" ]; then
		echo "kept  $folder/$1"
		return
	fi
	cat >"$folder/.$1.new"
	chmod 444 "$folder/.$1.new"
	ln "$folder/.$1.new" "$folder/$1"
	rm -f "$folder/.$1.new"
	echo "made  $folder/$1"
}

digest() {
	if command -v sha256sum >/dev/null; then
		sha256sum "$folder/$1" | cut -d' ' -f1
	else
		shasum -a 256 "$folder/$1" | cut -d' ' -f1
	fi
}

# No newline at their ends: the digests are of the passwords alone.
for name in secret postgres_password clickhouse_password clickhouse_reader_password \
	clickhouse_grafana_password grafana_admin_password; do
	random | keep "$name"
done

printf 'postgresql://sluice:%s@postgres:5432/sluice' "$(cat "$folder/postgres_password")" |
	keep database_url
printf 'http://sluice:%s@clickhouse:8123/default' "$(cat "$folder/clickhouse_password")" |
	keep warehouse_url
case $(cat "$folder/warehouse_url") in
*@clickhouse:8123/default)
	printf 'http://reader:%s@clickhouse:8123/default' "$(cat "$folder/clickhouse_reader_password")"
	;;
# A store of the operator's own, which has no such user unless the operator makes it.
*) cat "$folder/warehouse_url" ;;
esac | keep warehouse_read_url

keep clickhouse_users.xml <<XML
<clickhouse>
    <users>
        <sluice>
            <password_sha256_hex>$(digest clickhouse_password)</password_sha256_hex>
            <profile>default</profile>
            <quota>default</quota>
            <networks><ip>::/0</ip></networks>
            <grants>
                <query>GRANT ALL ON default.*</query>
                <query>GRANT SELECT ON system.*</query>
            </grants>
        </sluice>
        <grafana>
            <password_sha256_hex>$(digest clickhouse_grafana_password)</password_sha256_hex>
            <profile>dashboards</profile>
            <quota>default</quota>
            <networks><ip>::/0</ip></networks>
            <grants>
                <query>GRANT SELECT ON default.*</query>
                <query>GRANT SELECT ON system.parts</query>
            </grants>
        </grafana>
    </users>
</clickhouse>
XML

# In a file of its own: installations that are older than this user get it by running this again.
keep clickhouse_reader.xml <<XML
<clickhouse>
    <users>
        <reader>
            <password_sha256_hex>$(digest clickhouse_reader_password)</password_sha256_hex>
            <profile>default</profile>
            <quota>default</quota>
            <networks><ip>::/0</ip></networks>
            <grants>
                <query>GRANT SELECT ON default.*</query>
            </grants>
        </reader>
    </users>
</clickhouse>
XML

#!/bin/bash
# Runs a command beside Slurm daemons of its own, with two machines: network namespaces n1 and n2 with one processor each.
#
#     tools/with_slurm.sh COMMAND...          FOVEA_SRUN is srun
#
# Needs root and Slurm (on Debian or Ubuntu: apt-get install slurmctld slurmd slurm-client munge iproute2); without them the
# command runs without FOVEA_SRUN.
set -euo pipefail
for program in munged slurmctld slurmd srun ip; do
    if [ "$(id -u)" != 0 ] || ! command -v $program > /dev/null; then
        echo "Without the real srun, which needs root and Slurm: $program is missing."
        exec "$@"
    fi
done
place=$(mktemp -d)
bridge=fovea$((RANDOM % 10000))
daemons=()
end() {
    kill "${daemons[@]}" 2> /dev/null || true
    wait
    ip link delete $bridge 2> /dev/null || true
    rm -rf "$place"
}
trap end EXIT
trap 'exit 130' INT TERM
chmod 755 "$place"
head -c 1024 /dev/urandom > "$place/key"
chmod 600 "$place/key"
munged --foreground --force --key-file="$place/key" --socket="$place/munge" --pid-file="$place/munge.pid" \
    --seed-file="$place/seed" --log-file="$place/munge.log" 2> /dev/null &
daemons+=($!)

ip link add $bridge type bridge
ip address add 10.77.0.254/24 dev $bridge
ip link set $bridge up
cat /etc/hosts - > "$place/hosts" << END
10.77.0.1 n1
10.77.0.2 n2
10.77.0.254 master
END
cat > "$place/slurm.conf" << END
ClusterName=fovea
SlurmctldHost=$(hostname -s)(10.77.0.254)
AuthInfo=socket=$place/munge
SlurmUser=root
StateSaveLocation=$place/state
SlurmdSpoolDir=$place/spool-%n
SlurmctldPidFile=$place/slurmctld.pid
SlurmdPidFile=$place/slurmd-%n.pid
SlurmctldPort=16817
SlurmdPort=16818
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
ReturnToService=2
MpiDefault=none
NodeName=n1 NodeAddr=10.77.0.1 CPUs=1 State=UNKNOWN
NodeName=n2 NodeAddr=10.77.0.2 CPUs=1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
mkdir "$place/state" "$place/spool-n1" "$place/spool-n2"
export SLURM_CONF=$place/slurm.conf
slurmctld -D > "$place/slurmctld.log" 2>&1 &
daemons+=($!)
for number in 1 2; do
    # Its name, its network and the addresses of the other are those of a machine; its files are this one's.
    unshare --net --uts --mount sh -c '
        hostname "n$1" && mount --bind "$2/hosts" /etc/hosts && ip link set lo up
        while ! ip link show eth0 > /dev/null 2>&1; do sleep 0.1; done
        ip address add "10.77.0.$1/24" dev eth0 && ip link set eth0 up
        exec slurmd -D' sh $number "$place" > "$place/slurmd$number.log" 2>&1 &
    machine=$!
    daemons+=($machine)
    # The namespace is there once it differs from this one.
    while [ "$(readlink /proc/$machine/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do sleep 0.1; done
    ip link add $bridge-$number type veth peer name eth0 netns $machine
    ip link set $bridge-$number master $bridge up
done
ready() { [ "$(sinfo --noheader --format '%D %t' 2> /dev/null)" = "2 idle" ]; }
for _ in {1..60}; do
    if ready; then break; fi
    sleep 1
done
ready || { tail -n 5 "$place"/*.log; exit 1; }
FOVEA_SRUN=$(command -v srun) "$@"

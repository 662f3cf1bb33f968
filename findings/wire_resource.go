package findings

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type wireResource struct {
	Type     text                `json:"resourceType"`
	Key      maybe[wireKey]      `json:"accessKeyDetails"`
	Instance maybe[wireInstance] `json:"instanceDetails"`
	Buckets  many[wireBucket]    `json:"s3BucketDetails"`
	EKS      maybe[wireNamed]    `json:"eksClusterDetails"`
	ECS      maybe[wireECS]      `json:"ecsClusterDetails"`
	K8s      maybe[struct {
		User     maybe[wireK8sUser] `json:"kubernetesUserDetails"`
		Workload maybe[wireNamed]   `json:"kubernetesWorkloadDetails"`
	}] `json:"kubernetesDetails"`
	Container maybe[wireNamed] `json:"containerDetails"`
	Lambda    maybe[struct {
		ARN  text    `json:"functionArn"`
		Name text    `json:"functionName"`
		Tags tagList `json:"tags"`
	}] `json:"lambdaDetails"`
	RDS maybe[struct {
		ARN     text    `json:"dbInstanceArn"`
		ID      text    `json:"dbInstanceIdentifier"`
		Cluster text    `json:"dbClusterIdentifier"`
		Tags    tagList `json:"tags"`
	}] `json:"rdsDbInstanceDetails"`
	RDSUser maybe[struct {
		User text `json:"user"`
	}] `json:"rdsDbUserDetails"`
	Limitless maybe[struct {
		ARN  text    `json:"dbShardGroupArn"`
		ID   text    `json:"dbShardGroupIdentifier"`
		Tags tagList `json:"tags"`
	}] `json:"rdsLimitlessDbDetails"`
	Volumes maybe[struct {
		ARN text `json:"volumeArn"`
	}] `json:"ebsVolumeDetails"`
	Snapshot maybe[struct {
		ARN text `json:"snapshotArn"`
	}] `json:"ebsSnapshotDetails"`
	Image maybe[struct {
		ARN text `json:"imageArn"`
	}] `json:"ec2ImageDetails"`
	Recovery maybe[struct {
		ARN   text `json:"recoveryPointArn"`
		Vault text `json:"backupVaultName"`
	}] `json:"recoveryPointDetails"`
	Models many[struct {
		ID text `json:"modelId"`
	}] `json:"modelDetails"`
}

type wireKey struct {
	KeyID       text `json:"accessKeyId"`
	PrincipalID text `json:"principalId"`
	UserName    text `json:"userName"`
	UserType    text `json:"userType"`
}

type wireNamed struct {
	ARN   text    `json:"arn"`
	Name  text    `json:"name"`
	ID    text    `json:"id"`
	Image text    `json:"image"`
	Tags  tagList `json:"tags"`
}

type wireECS struct {
	ARN  text    `json:"arn"`
	Name text    `json:"name"`
	Tags tagList `json:"tags"`
	Task maybe[struct {
		ARN text `json:"arn"`
	}] `json:"taskDetails"`
}

type wireK8sUser struct {
	Name     text  `json:"username"`
	UID      text  `json:"uid"`
	Sessions texts `json:"sessionName"`
}

type wireBucket struct {
	ARN     text    `json:"arn"`
	Name    text    `json:"name"`
	Tags    tagList `json:"tags"`
	Objects many[struct {
		ARN text `json:"objectArn"`
		Key text `json:"key"`
	}] `json:"s3ObjectDetails"`
}

type wireInstance struct {
	ID      text `json:"instanceId"`
	State   text `json:"instanceState"`
	Image   text `json:"imageId"`
	Type    text `json:"instanceType"`
	Profile maybe[struct {
		ARN text `json:"arn"`
	}] `json:"iamInstanceProfile"`
	NICs many[wireNIC] `json:"networkInterfaces"`
	Tags tagList       `json:"tags"`
}

type wireNIC struct {
	Public  text `json:"publicIp"`
	Private text `json:"privateIpAddress"`
	More    many[struct {
		Private text `json:"privateIpAddress"`
	}] `json:"privateIpAddresses"`
	V6  texts `json:"ipv6Addresses"`
	VPC text  `json:"vpcId"`
}

// wireDetect is service.detection of an attack sequence.
type wireDetect struct {
	Sequence maybe[struct {
		Actors many[struct {
			User maybe[struct {
				Name       text `json:"name"`
				UID        text `json:"uid"`
				Type       text `json:"type"`
				Credential text `json:"credentialUid"`
			}] `json:"user"`
		}] `json:"actors"`
		Endpoints many[wireEndpoint] `json:"endpoints"`
		Resources many[struct {
			UID  text    `json:"uid"`
			Name text    `json:"name"`
			Type text    `json:"resourceType"`
			Tags tagList `json:"tags"`
		}] `json:"resources"`
		Indicators many[struct {
			Key    text  `json:"key"`
			Values texts `json:"values"`
		}] `json:"sequenceIndicators"`
	}] `json:"sequence"`
}

type wireEndpoint struct {
	IP       text   `json:"ip"`
	Port     number `json:"port"`
	Location maybe[struct {
		City    name `json:"city"`
		Country name `json:"country"`
	}] `json:"location"`
	AS maybe[struct {
		Name   text `json:"name"`
		Number text `json:"number"`
	}] `json:"autonomousSystem"`
	Connection maybe[struct {
		Direction text `json:"direction"`
	}] `json:"connection"`
}

// tagList reads tags as GuardDuty's list of key and value, as a plain object
// (Security Hub), or as a list written as an object keyed by position (Athena).
type tagList []Tag

type wireTag struct {
	Key   text `json:"key"`
	Value text `json:"value"`
}

func (l *tagList) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '[':
		var w many[wireTag]
		if err := w.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		for _, t := range w {
			l.add(t.Key, t.Value)
		}
		return nil
	case '{':
		return l.object(d)
	}
	return d.SkipValue()
}

func (l *tagList) object(d *jsontext.Decoder) error {
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return err
		}
		k := text(key.String())
		if d.PeekKind() == '{' {
			var t wireTag
			if err := json.UnmarshalDecode(d, &t); err != nil {
				return err
			}
			l.add(t.Key, t.Value)
			continue
		}
		var v text
		if err := v.UnmarshalJSONFrom(d); err != nil {
			return err
		}
		l.add(k, v)
	}
	_, err := d.ReadToken()
	return err
}

func (l *tagList) add(k, v text) {
	if len(*l) < maxTags && (k != "" || v != "") {
		*l = append(*l, Tag{Key: clip(string(k), maxName), Value: clip(string(v), maxName)})
	}
}
